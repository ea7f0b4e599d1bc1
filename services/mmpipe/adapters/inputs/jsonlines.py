"""Manifests in JSON lines: one object per line, blank lines ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from mmpipe.adapters.inputs.attributes import parse_object
from mmpipe.adapters.inputs.lines import MAX_LINE_BYTES, Line, lines_of
from mmpipe.adapters.inputs.rows import BadRow, Row, damaged
from mmpipe.adapters.inputs.uris import Origin

_SHOWN_CHARACTERS = 40


def jsonl_rows(file: BinaryIO, origin: Origin) -> Iterator[Row | BadRow]:
    """The rows of a manifest. Raises DamagedInputError where there is none, or the first one isn't an object."""
    row: Row | BadRow | None = None
    filled = (line for line in lines_of(file) if line.is_too_long or line.content.strip())
    for number, line in enumerate(filled, start=1):
        row = _row(number, line)
        if number == 1 and isinstance(row, BadRow):
            raise damaged(origin, row.place, row.found, row.expected, "correct it, or give the file another suffix")
        yield row
    if row is None:
        raise damaged(origin, "line 1", "nothing", "a JSON object per line", "write the manifest again")


def _row(number: int, line: Line) -> Row | BadRow:
    if line.is_too_long:
        expected = f"at most {MAX_LINE_BYTES} bytes; longer texts go into files of their own, under text_file"
        return BadRow(number, line.place, "a longer line than a manifest may have", expected)
    cells = parse_object(line.content)
    if cells is not None:
        return Row(number, line.place, cells)
    shown = line.content.strip()[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    return BadRow(number, line.place, f"{shown!r}", "a JSON object in UTF-8")
