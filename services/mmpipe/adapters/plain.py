"""Values of any origin as plain JSON, the same for every store.

Attributes come from manifests (Parquet, CSV, JSON lines) with dates, numpy scalars and NaN in them; facts come from
stages. JSON has none of these, PostgreSQL takes no NUL, and nobody's encoder takes a lone surrogate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Protocol, runtime_checkable


@runtime_checkable
class _Array(Protocol):
    """Arrays and scalars of numpy, which need not be there."""

    def tolist(self) -> object: ...


type Json = str | int | float | bool | list[Json] | dict[str, Json] | None


def plain(value: object) -> Json:
    """``value`` as JSON: what isn't finite becomes null, dates ISO 8601, bytes hexadecimal, anything else its text."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return plain_text(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {plain_text(str(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    return _plain_stranger(value)


def plain_text(text: str) -> str:
    """``text`` without what no store takes: NUL is dropped, a lone surrogate (a byte that was no UTF-8) spelt out."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")


def _plain_stranger(value: object) -> Json:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case _Array():
            return plain(value.tolist())
    return plain_text(str(value))
