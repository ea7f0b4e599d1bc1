"""Folding blanks: what is left are words, single spaces, line breaks and empty lines between paragraphs."""

from __future__ import annotations

import re

# C0 and C1 but for tab and newline, noncharacters, and the invisible marks that only steer layout. Joiners stay:
# emoji, Persian and Indic scripts mean something by them.
_CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LINE_BREAK = re.compile(r"\r\n|[\r\v\f\x85\u2028]")
_PARAGRAPH = re.compile(r"\u2029|\n[^\S\n]*\n\s*")
# Every blank there is, but the line breaks (and NBSP, as Python's \s has it).
_BLANKS = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n ?")


def folded(text: str) -> str:
    """``text`` without control characters, with single spaces, and at most one empty line in a row."""
    lines = _LINE_BREAK.sub("\n", _CONTROL.sub("", text))
    paragraphs = _PARAGRAPH.sub("\n\n", lines)
    return _AROUND_BREAK.sub("\n", _BLANKS.sub(" ", paragraphs)).strip()
