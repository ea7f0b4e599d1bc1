"""Texts of log lines and spans without what opens a door: the last net below callers, who should quote none."""

from __future__ import annotations

import re

from mmpipe.spec.sink import without_secrets

_SIGNED = re.compile(r"([?&][\w.-]*(?:sig|signature|credential|key)=|\bBearer\s+)[^&\s'\"]+", re.IGNORECASE)
"""What signs a URL (S3 and Azure do so in parameters), and the token of an ``authorization`` header."""


def starred(text: str) -> str:
    """The text with passwords, tokens and signatures starred out."""
    return _SIGNED.sub(r"\1***", without_secrets(text))
