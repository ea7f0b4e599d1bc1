"""The text within JSON: one field of a record, or of each line of JSON lines."""

from __future__ import annotations

import json

from mmpipe.stages.verdicts import Refused

_GATE = "text.decode"


def field_of_json(document: str, field: str) -> str:
    """The text under ``field`` of the one object. Raises :class:`Refused`, naming the field, where there is none."""
    return _field(document, field, "the JSON")


def field_of_lines(document: str, field: str) -> str:
    """The texts under ``field`` of all lines that aren't empty, joined by newlines. Raises :class:`Refused`."""
    lines = enumerate(document.split("\n"), start=1)
    return "\n".join(_field(line, field, f"line {number} of the JSON lines") for number, line in lines if line.strip())


def _field(document: str, field: str, place: str) -> str:
    record = _parsed(document, place)
    if not isinstance(record, dict):
        raise Refused(_GATE, f"{place} is of type {type(record).__name__}: expected an object with the field {field!r}")
    if field not in record:
        present = ", ".join(map(repr, list(record)[:8])) or "no fields"
        raise Refused(
            _GATE, f"{place} has no field {field!r}, it has {present}: set decode.field to the one with the text"
        )
    if not isinstance(record[field], str):
        raise Refused(
            _GATE, f"the field {field!r} of {place} is of type {type(record[field]).__name__}: expected a string"
        )
    return _without_surrogates(record[field])


def _parsed(document: str, place: str) -> object:
    try:
        return json.loads(document)
    except ValueError as fault:
        raise Refused(_GATE, f"{place} can't be parsed: {fault}") from fault
    except RecursionError as fault:
        raise Refused(_GATE, f"{place} is nested too deep to be parsed: expected a flat record") from fault


def _without_surrogates(text: str) -> str:
    r"""Escaped pairs (``\ud83d\ude00``) are joined by the parser; a lone half is none, and UTF-8 can't carry it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
