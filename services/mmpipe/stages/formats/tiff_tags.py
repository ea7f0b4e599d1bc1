"""The first directory of a TIFF: the few numbers that say what kind of picture it is, and which side is up.

Both a TIFF file and the Exif block of a JPEG begin with one (TIFF 6.0, section 2; BigTIFF's wider layout too). Only
short integers are read, nothing is decoded, and a directory that points outside the bytes simply ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple

from mmpipe.stages.formats.catalogue import Content

BITS_PER_SAMPLE, SAMPLES_PER_PIXEL, SAMPLE_FORMAT, ORIENTATION = 258, 277, 339, 274
FLOAT_SAMPLES = 3
"""The value of :data:`SAMPLE_FORMAT` for IEEE floating point."""

_SHORT, _LONG = 3, 4
_MOST_ENTRIES = 256


class _Layout(NamedTuple):
    """How classic TIFF or BigTIFF writes where a directory is, how many tags it has, and each of them."""

    offset_at: int
    offset: str
    tags: str
    tag: str


# entry: tag, type, count, then the value itself or where it is.
_LAYOUTS = MappingProxyType({42: _Layout(4, "I", "H", "HHI4s"), 43: _Layout(8, "Q", "Q", "HHQ8s")})
_ORDERS = MappingProxyType({b"II": "<", b"MM": ">"})


def first_directory(content: Content, start: int = 0) -> Mapping[int, int]:
    """Tag to its first value, for the integers of the first directory of the TIFF at ``start``; {} if it is broken."""
    order = _ORDERS.get(content[start : start + 2])
    layout = _LAYOUTS.get(_number(content, start + 2, f"{order}H")) if order else None
    if order is None or layout is None:
        return {}
    directory = start + _number(content, start + layout.offset_at, order + layout.offset)
    entries = min(_number(content, directory, order + layout.tags), _MOST_ENTRIES)
    entry = Struct(order + layout.tag)
    first = directory + Struct(order + layout.tags).size
    raw = content[first : first + entries * entry.size]
    whole = raw[: len(raw) - len(raw) % entry.size]
    tags: dict[int, int] = {}
    for tag, kind, count, value in entry.iter_unpack(whole):
        if kind in {_SHORT, _LONG}:
            tags[tag] = _first_value(content, start, order, (kind, count, value))
    return tags


def _first_value(content: Content, start: int, order: str, entry: tuple[int, int, bytes]) -> int:
    kind, count, value = entry
    number = Struct(order + ("H" if kind == _SHORT else "I"))
    if count * number.size <= len(value):
        return int(number.unpack_from(value)[0])
    return _number(content, start + int.from_bytes(value, "little" if order == "<" else "big"), number.format)


def _number(content: Content, at: int, layout: str) -> int:
    """The number at ``at``, 0 where the bytes end before it."""
    number = Struct(layout)
    raw = content[at : at + number.size]
    return int(number.unpack(raw)[0]) if len(raw) == number.size else 0
