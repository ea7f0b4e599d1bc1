"""Rules that give back what the sum of the modalities has lost: which field, value or bound belongs to which of them.

``modalities`` leaves notes at the fields of the sum; each note becomes a rule of the entry, since only the entry knows
its ``name``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpipe_operator.crd.modalities import DEFAULTS, NAMES, OWNERS, VARIANTS, Schema, listed
from mmpipe_operator.crd.rule import Rule, has, literal, nested, text
from mmpipe_operator.crd.structural import some

_BOUNDS = {
    "minimum": (">=", "at least", 0, -1),
    "exclusiveMinimum": (">", "more than", 1, 0),
    "maximum": ("<=", "at most", 0, 1),
    "exclusiveMaximum": ("<", "less than", -1, 0),
}
"""CEL, words, and how far from the bound a value is that it accepts, and one that it refuses."""


def rules(entry: Schema) -> Iterator[Rule]:
    """Those of the entry that stands for all modalities; none of any other node."""
    for path, field, owners in _fields(entry, entry.get(NAMES, ()), ""):
        if OWNERS in field:
            yield _belongs(path, field, owners, entry[NAMES])
        for bound, own in field.get(VARIANTS, {}).items():
            differing = {name: value for name, value in own.items() if value != field.get(bound)}
            yield from (_variant(path, bound, value, name, field) for name, value in differing.items())
        values = field.get("items", {}).get(VARIANTS, {}).get("enum", {})
        yield from (_entries(path, values[name], name, field) for name in values)


def _fields(block: Schema, owners: list[str], path: str) -> Iterator[tuple[str, Schema, list[str]]]:
    """Every field at and below a block of the entry, with its path and its modalities."""
    for name, field in block.get("properties", {}).items() if owners else ():
        own, here = field.get(OWNERS, owners), f"{path}.{name}".removeprefix(".")
        yield here, field, own
        yield from _fields(field, own, here)


def _belongs(path: str, field: Schema, owners: list[str], names: list[str]) -> Rule:
    stranger = next(name for name in names if name not in owners)
    default = field.get(DEFAULTS, {}).get(owners[0])
    value = nested(path, some(field) if default is None else default)
    return Rule(
        expression=f"self.name in {literal(owners)} || !({has(path)})",
        shown="'it with modality ' + self.name",
        expected=f"it only with {listed(owners, 'or')}",
        remedy=f"remove {path} or move it to its modality",
        accepted={"name": owners[0], **value},
        rejected={"name": stranger, **value},
        field=f".{path}",
        reason="FieldValueForbidden",
    )


def _variant(path: str, bound: str, value: Any, name: str, field: Schema) -> Rule:  # noqa: ANN401  # JSON
    """A bound, or the values, of one modality where others have other ones."""
    if bound == "enum":
        holds, words = f"in {literal(value)}", f"one of {', '.join(value)}"
        accepted, rejected = value[0], next(each for each in field["enum"] if each not in value)
    else:
        sign, words, kept, broken = _BOUNDS[bound]
        holds, words = f"{sign} {literal(value)}", f"{words} {value}"
        accepted, rejected = value + kept, value + broken
    return Rule(
        expression=f"self.name != {text(name)} || !({has(path)}) || self.{path} {holds}",
        shown=f"self.{path}" if bound == "enum" else "",
        expected=f"{words} for {name}",
        remedy="change the value",
        accepted={"name": name, **nested(path, accepted)},
        rejected={"name": name, **nested(path, rejected)},
        field=f".{path}",
    )


def _entries(path: str, values: list[str], name: str, field: Schema) -> Rule:
    """The values that a list's entries may have in one modality."""
    strange = next(each for each in field["items"]["enum"] if each not in values)
    return Rule(
        expression=f"self.name != {text(name)} || !({has(path)}) || self.{path}.all(each, each in {literal(values)})",
        found="others",
        expected=f"some of {', '.join(values)} for {name}",
        remedy="remove the others",
        accepted={"name": name, **nested(path, [])},
        rejected={"name": name, **nested(path, [strange])},
        field=f".{path}",
    )
