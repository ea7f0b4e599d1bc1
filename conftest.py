"""What holds for every test and benchmark.

Properties are tried without a clock, which a busy machine would fail. A metric or span that the catalogue of telemetry
does not know raises, in the processes that tests start too.
"""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["MMPIPE_TELEMETRY_STRICT"] = "1"

settings.register_profile("mmpipe", deadline=None)
settings.load_profile("mmpipe")
