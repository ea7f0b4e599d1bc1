"""Rules of settings that are settled but do not act yet: what ``mmpipe.spec.refused`` refuses, with its sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpipe.spec.acting import acting_value
from mmpipe.spec.model import LATER
from mmpipe_operator.crd.modalities import Schema, default_of
from mmpipe_operator.crd.rule import Rule, literal
from mmpipe_operator.crd.structural import some


def rules(schema: Schema) -> Iterator[Rule]:
    """That of a node which does not act yet, and those of a block whose fields may not be there yet."""
    if LATER in schema and default_of(schema) is not None:
        yield _list(schema) if schema["type"] == "array" else _value(schema)
    for name, field in schema.get("properties", {}).items():
        if LATER in field and default_of(field) is None:
            yield _absent(name, field)


def _value(schema: Schema) -> Rule:
    """A value keeps its default, or is another that acts."""
    default, later = default_of(schema), schema[LATER]
    acting = list(dict.fromkeys([default, *later["acting"]]))
    return Rule(
        expression=f"self in {literal(acting)}",
        shown="self" if schema["type"] == "string" else "",
        expected=acting_value(default),
        remedy=later["sentence"],
        accepted=acting[-1],
        rejected=_other(schema, acting),
        reason="FieldValueForbidden",
    )


def _list(schema: Schema) -> Rule:
    return Rule(
        expression="self.size() == 0",
        found="some",
        expected=acting_value([]),
        remedy=schema[LATER]["sentence"],
        accepted=[],
        rejected=[some(schema["items"])],
        reason="FieldValueForbidden",
    )


def _absent(name: str, field: Schema) -> Rule:
    return Rule(
        expression=f"!has(self.{name})",
        found="it",
        expected=acting_value(None),
        remedy=field[LATER]["sentence"],
        accepted={},
        rejected={name: some(field)},
        field=f".{name}",
        reason="FieldValueForbidden",
    )


def _other(schema: Schema, acting: list[Any]) -> Any:  # noqa: ANN401  # JSON
    """A value that does not act."""
    if "enum" in schema:
        return next(value for value in schema["enum"] if value not in acting)
    if schema["type"] == "boolean":
        return not acting[0]
    return acting[0] / 2 if schema["type"] == "number" else acting[0] - 1
