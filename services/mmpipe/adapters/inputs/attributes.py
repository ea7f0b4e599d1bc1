"""What is said about a sample beside its media: JSON, and nothing that JSON can't say.

Attributes end in a JSON column that people filter by, so every value is brought to JSON here, once, whichever file it
came from. This module is pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol, runtime_checkable

MAX_RECORD_BYTES = 1024 * 1024
"""Largest JSON file that may hold attributes; a larger one is a document."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,3})?")
_BOOLEANS = {"true": True, "false": False}


@runtime_checkable
class _Moment(Protocol):
    """A date, a time or both; what Parquet gives for its temporal types."""

    def isoformat(self) -> str:
        """ISO 8601."""
        ...


def parse_object(text: bytes | str) -> dict[str, object] | None:
    """The JSON object that ``text`` is, or None where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """The same attributes in JSON's types. Raises TypeError for a value that has no place there (bytes, say)."""
    try:
        return {str(name): _plain(value) for name, value in values.items()}
    except RecursionError:
        raise TypeError("it is nested too deep") from None


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return _finite(float(value))
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _Moment():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON type")


def _finite(number: float) -> float | None:
    """JSON has neither NaN nor infinities: unknown is null."""
    return number if math.isfinite(number) else None


def typed(cell: str) -> str | int | float | bool:
    """A cell of a CSV by JSON's grammar: ``007`` and ``1e999`` stay text, as do integers beyond 18 digits."""
    if cell.lower() in _BOOLEANS:
        return _BOOLEANS[cell.lower()]
    number = _NUMBER.fullmatch(cell)
    if number is None:
        return cell
    if number[1] is None and number[2] is None:
        return int(cell)
    return float(cell) if math.isfinite(float(cell)) else cell
