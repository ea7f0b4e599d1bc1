"""Lines of a manifest in text: UTF-8, and never longer in memory than a manifest's line has reason to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mmpipe.adapters.inputs.limits import MIB

MAX_LINE_BYTES = 16 * MIB
"""Longest line; a longer text belongs in a file of its own, under ``text_file``."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line by its number (1 is the first). ``content`` is empty where it ``is_too_long``."""

    number: int
    content: bytes
    is_too_long: bool = False

    @property
    def place(self) -> str:
        """The line for a message."""
        return f"line {self.number}"


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Every line with its break, without the byte-order mark of the first."""
    number = 0
    while content := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(content) > MAX_LINE_BYTES:
            _skip_rest(file, content)
            yield Line(number, b"", is_too_long=True)
        else:
            yield Line(number, content.removeprefix(_BYTE_ORDER_MARK) if number == 1 else content)


def _skip_rest(file: BinaryIO, content: bytes) -> None:
    while content and not content.endswith(b"\n"):
        content = file.readline(MAX_LINE_BYTES)
