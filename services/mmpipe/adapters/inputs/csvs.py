"""Manifests in CSV: a header, then a row per sample; comma, semicolon or tab, UTF-8, RFC 4180 quoting.

CSV has no types, so cells of attributes are read by JSON's grammar for numbers and booleans, and empty cells are
absent. Cells of the columns that mean something (``id``, ``text``, paths) stay as they are written.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from mmpipe.adapters.inputs.attributes import typed
from mmpipe.adapters.inputs.kinds import delimiter_of
from mmpipe.adapters.inputs.lines import MAX_LINE_BYTES, lines_of
from mmpipe.adapters.inputs.rows import RESERVED_COLUMNS, BadRow, Row, check_columns, damaged
from mmpipe.adapters.inputs.uris import Origin

_UNTEXT = re.compile("[\0\udc80-\udcff]")
_UNTEXT_FOUND = "an overlong line, or bytes that are not UTF-8 text"


def csv_rows(file: BinaryIO, origin: Origin) -> Iterator[Row | BadRow]:
    """The rows of a manifest. Raises DamagedInputError where the header can't be read or names no part."""
    text = _decoded(file)
    header = next(text, "")
    columns = _columns(header, origin)
    records = csv.reader(text, delimiter=delimiter_of(header), strict=True)
    number = 0
    for record in _read(records):
        if record:
            number += 1
            # the reader counts from the line after the header
            yield _row(number, f"line {records.line_num + 1}", columns, record)


def _decoded(file: BinaryIO) -> Iterator[str]:
    """Lines as text; bytes that aren't UTF-8 are carried as surrogates, so that only their row is bad."""
    for line in lines_of(file):
        # NUL is text to csv.reader, but to no store: it makes the row bad wherever it stands
        yield "\0\n" if line.is_too_long else line.content.decode("utf-8", "surrogateescape")


def _columns(header: str, origin: Origin) -> list[str]:
    columns = next(csv.reader([header], delimiter=delimiter_of(header)), [])
    if not columns or _UNTEXT.search(header):
        found = _UNTEXT_FOUND if columns else "nothing"
        raise damaged(origin, "line 1", found, "a header in UTF-8", "save the table as CSV UTF-8")
    check_columns(columns, origin, "line 1")
    return columns


def _read(records: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """Records, or what csv says instead; after an error it goes on with the next line."""
    while True:
        try:
            yield next(records)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _row(number: int, place: str, columns: Sequence[str], record: list[str] | csv.Error) -> Row | BadRow:
    if isinstance(record, csv.Error):
        return BadRow(
            number, place, str(record), "cells in RFC 4180 quoting; long texts go into files, under text_file"
        )
    if any(map(_UNTEXT.search, record)):
        return BadRow(number, place, _UNTEXT_FOUND, f"text in UTF-8, in lines of at most {MAX_LINE_BYTES} bytes")
    if len(record) != len(columns):
        return BadRow(number, place, f"{len(record)} cells", f"{len(columns)}, as in the header")
    return Row(number, place, dict(_cells(columns, record)))


def _cells(columns: Sequence[str], record: Sequence[str]) -> Iterator[tuple[str, object]]:
    for column, cell in zip(columns, record, strict=True):
        if cell:
            yield column, cell if column in RESERVED_COLUMNS else typed(cell)
