"""The Unicode encodings, told apart by certain signs: a byte-order mark, validity as UTF-8, the zeros of UTF-16.

Recognition asks whether some bytes are text at all; the text decoder asks which text. Legacy encodings have no
certain signs and are the decoder's to guess.
"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16: its little-endian mark begins like this one.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF16_UNIT_BYTES = 2

CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
"""Characters no text contains: C0 but for backspace, tab, line and page breaks and escape (as ``file(1)`` has it)."""


def unicode_encoding(head: bytes) -> str | None:
    """Python's name of the Unicode encoding of a text that begins with ``head``; None if it is in none (or no text)."""
    marked = _marked(head)
    if marked:
        return marked
    if b"\0" in head:
        return _utf16_without_mark(head)
    return "utf-8" if begins(head, "utf-8") is not None else None


def begins(head: bytes, encoding: str) -> str | None:
    """The text that ``head`` begins, whose last character may be cut; None where it isn't valid in ``encoding``."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def _marked(head: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def _utf16_without_mark(head: bytes) -> str | None:
    """Mostly Latin letters, digits and blanks leave zeros in one byte of most units, and in the other byte of none."""
    first, second = (head[lane::_UTF16_UNIT_BYTES].count(0) for lane in range(_UTF16_UNIT_BYTES))
    if min(first, second) > 0 or max(first, second) <= len(head) // _UTF16_UNIT_BYTES // 2:
        return None
    encoding = "utf-16-be" if first else "utf-16-le"
    text = begins(head, encoding)
    return encoding if text and "".join(text.split()).isprintable() else None
