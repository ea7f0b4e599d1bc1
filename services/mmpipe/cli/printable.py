"""Texts of strangers in a terminal: ids, URIs and reasons come from samples and may hold anything."""

from __future__ import annotations


def plain(text: str) -> str:
    """``text`` with every character that does not simply print as its code in Python's notation."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
