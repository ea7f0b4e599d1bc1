"""What is wrong with a spec, in words a person can act on: path, found, expected, remedy.

Pydantic finds the faults; this module only says them. Its neighbours are ``loading`` (from YAML to the model) and
``acting`` (what is settled but does not act yet), which speak in the same :class:`Problem`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mmpipe.errors import MmpipeError
from mmpipe.records import Modality
from mmpipe.spec.sink import without_secrets
from mmpipe.spec.walk import fields_at

_NUMBERS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_LENGTHS = {
    "too_short": "min_length",
    "too_long": "max_length",
    "string_too_short": "min_length",
    "string_too_long": "max_length",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a spec. ``path`` is dotted as in the YAML; an empty path is the document itself."""

    path: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path or 'document'}: found {self.found}, expected {self.expected}; {self.remedy}"


class SpecError(MmpipeError, ValueError):
    """A spec that cannot be used: everything that is wrong with it, not the first thing only."""

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(f"{source}: {problem}" if source else str(problem) for problem in problems))


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Pydantic's findings as problems, in the order of the document."""
    found = error.errors()
    return tuple(_problem(details) for details in found if not _is_shadow(details, found))


def dotted(location: Sequence[str | int]) -> str:
    """A path as in the YAML: ``("spec", "modalities", 1, "image", "decode")`` -> ``spec.modalities[1].decode``."""
    path = ""
    for place, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]" and not _is_tag(location, place):
            path += f".{step}" if path else step
    return path


def _is_tag(location: Sequence[str | int], place: int) -> bool:
    """Whether the step is pydantic's note of which modality it took the entry for, which is no field of the YAML."""
    return place > 0 and isinstance(location[place - 1], int) and location[place] in list(Modality)


def _is_shadow(details: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Whether a list counts as too short only because its entries, reported on their own, did not count."""
    location = details["loc"]
    return details["type"] == "too_short" and any(
        other["loc"][: len(location)] == location and len(other["loc"]) > len(location) for other in found
    )


def _problem(details: ErrorDetails) -> Problem:
    expected, remedy = _expected(details)
    context = details.get("ctx", {})
    path, found = dotted(details["loc"]), _shown(details["input"])
    if details["type"] == "broken_rule":
        path, found = ".".join(filter(None, (path, context["path"]))), context["found"]
    if details["type"] in {"extra_forbidden", "missing"}:
        found = "an unknown field" if details["type"] == "extra_forbidden" else "nothing"
    return Problem(path, found, expected, remedy)


def _expected(details: ErrorDetails) -> tuple[str, str]:
    """What should have been there, and what to do: one answer for each kind of fault."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "broken_rule":
        return context["expected"], context["remedy"]
    if kind == "extra_forbidden":
        return _known_fields(details)
    if kind == "missing":
        return "a required field", f"add {details['loc'][-1]}"
    if kind in _NUMBERS:
        key, words = _NUMBERS[kind]
        return f"{words} {context[key]}", "change the number"
    if kind in _LENGTHS:
        words = "at least" if "short" in kind else "at most"
        return f"{words} {context[_LENGTHS[kind]]} in length", "shorten it" if "long" in kind else "fill it in"
    return _expected_value(details)


def _expected_value(details: ErrorDetails) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    if kind in {"literal_error", "enum"}:
        values = context["expected"].replace("'", " ").split()
        return context["expected"], _did_you_mean(str(details["input"]), values, "use what is expected")
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        names = [str(modality) for modality in Modality]
        return f"name to be one of {', '.join(names)}", _did_you_mean(str(context.get("tag", "")), names, "name one")
    if kind == "string_pattern_mismatch":
        return f"text like {context['pattern']}", "change the text"
    return _lower_first(
        details["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    ), "change the value"


def _known_fields(details: ErrorDetails) -> tuple[str, str]:
    known = fields_at(details["loc"][:-1])
    return f"one of {', '.join(known)}", _did_you_mean(str(details["loc"][-1]), known, "remove it or use one of these")


def _did_you_mean(word: str, known: Sequence[str], otherwise: str) -> str:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[close[0]]}?" if close else otherwise


def _shown(value: object, limit: int = 60) -> str:
    text = "nothing" if value is None else without_secrets(repr(value))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
