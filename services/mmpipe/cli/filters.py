"""Filters of dead letters as people type them: ``stage=image.decode,reason~timeout,since=2h``.

Conditions are given again or joined by commas; all of them must hold. Times are ages (``90s``, ``30m``, ``2h``, ``7d``,
``2w``: so long ago) or ISO 8601, in the machine's own zone where none is said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mmpipe.errors import MmpipeError

if TYPE_CHECKING:
    from mmpipe.client import DeadLetterFilter

_CONDITION = re.compile(r"\s*(?P<key>\w+)\s*(?P<operator>[=~])\s*(?P<value>.*?)\s*", re.DOTALL)
_NEXT = re.compile(r",(?=\s*\w+\s*[=~])")
_AGE = re.compile(r"(?P<count>\d+(?:\.\d+)?)(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

EXAMPLE = "stage=image.decode,reason~timeout,modality=image,since=2h"


class FilterError(MmpipeError):
    """A condition that cannot be meant; the message says which, and what is allowed."""

    def __init__(self, condition: str, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"--where {condition!r}: found {found}; expected {expected}; {remedy}")


def parse(texts: Iterable[str], now: datetime) -> DeadLetterFilter:
    """The filter that all of the ``texts`` make together; ages count from ``now``. Raises FilterError."""
    from mmpipe.client import DeadLetterFilter

    wanted = DeadLetterFilter()
    for text in texts:
        for condition in _NEXT.split(text):
            wanted = _narrowed(wanted, condition, now)
    return wanted


def _narrowed(wanted: DeadLetterFilter, condition: str, now: datetime) -> DeadLetterFilter:
    match = _CONDITION.fullmatch(condition)
    if match is None:
        raise FilterError(condition, "no condition", "KEY=VALUE or reason~TEXT", f"write it as in {EXAMPLE}")
    key, operator, value = match["key"], match["operator"], match["value"]
    if key not in _READERS:
        raise FilterError(condition, f"key {key!r}", f"one of {', '.join(_READERS)}", _did_you_mean(key, _READERS))
    allowed = "~" if key == "reason" else "="
    if operator != allowed:
        raise FilterError(condition, operator, allowed, f"write {key}{allowed}{value}")
    if not value:
        raise FilterError(condition, "nothing", f"a value for {key}", f"write it as in {EXAMPLE}")
    return _READERS[key](wanted, condition, value, now)


def _id(wanted: DeadLetterFilter, _condition: str, value: str, _now: datetime) -> DeadLetterFilter:
    return replace(wanted, sample_ids=(*wanted.sample_ids, value))


def _stage(wanted: DeadLetterFilter, _condition: str, value: str, _now: datetime) -> DeadLetterFilter:
    return replace(wanted, stage=value)


def _reason(wanted: DeadLetterFilter, _condition: str, value: str, _now: datetime) -> DeadLetterFilter:
    return replace(wanted, reason=value)


def _modality(wanted: DeadLetterFilter, condition: str, value: str, _now: datetime) -> DeadLetterFilter:
    from mmpipe.records import Modality

    names = [modality.value for modality in Modality]
    if value not in names:
        raise FilterError(condition, repr(value), f"one of {', '.join(names)}", _did_you_mean(value, names))
    return replace(wanted, modality=Modality(value))


def _since(wanted: DeadLetterFilter, condition: str, value: str, now: datetime) -> DeadLetterFilter:
    return replace(wanted, since=_moment(condition, value, now))


def _until(wanted: DeadLetterFilter, condition: str, value: str, now: datetime) -> DeadLetterFilter:
    return replace(wanted, until=_moment(condition, value, now))


_READERS: dict[str, Callable[[DeadLetterFilter, str, str, datetime], DeadLetterFilter]] = {
    "id": _id,
    "stage": _stage,
    "reason": _reason,
    "modality": _modality,
    "since": _since,
    "until": _until,
}


def _moment(condition: str, value: str, now: datetime) -> datetime:
    if age := _AGE.fullmatch(value):
        return now - timedelta(**{_UNITS[age["unit"]]: float(age["count"])})
    try:
        return datetime.fromisoformat(value).astimezone()
    except ValueError:
        expected = "an age such as 30m, 2h or 7d, or a time such as 2026-07-01T12:00"
        raise FilterError(condition, repr(value), expected, "write one of these") from None


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"write it as in {EXAMPLE}"
