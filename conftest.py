"""What holds for every test and benchmark: properties are tried without a clock, which a busy machine would fail."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("mmpipe", deadline=None)
settings.load_profile("mmpipe")
