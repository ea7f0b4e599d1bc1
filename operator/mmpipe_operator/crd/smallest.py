"""The smallest value that a structural schema takes: its default, or what is required and no more."""

from __future__ import annotations

import re
from typing import Any

from mmpipe_operator.crd.modalities import Schema

_TEXTS = ("a", "/a", "1", "tiny")


def smallest(schema: Schema) -> Any:  # noqa: ANN401  # JSON
    """A value of the schema, which is structural. Raises ValueError where it knows no text of a pattern."""
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    return _SMALLEST[schema["type"]](schema)


def fitting(schema: Schema, length: int) -> str:
    """A text of that length that the schema's pattern takes. Raises ValueError where it knows none."""
    pattern = schema.get("pattern", "")
    for start in _TEXTS:
        text = (start + "a" * length)[:length] if start != "1" else "1" * length
        if re.search(pattern, text):
            return text
    raise ValueError(f"found no text of {length} characters for {pattern}; teach crd.smallest one")


def _object(schema: Schema) -> Schema:
    return {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}


def _number(schema: Schema) -> float:
    least = schema.get("minimum", 0)
    return int(least) + 1 if schema.get("exclusiveMinimum") else int(least)


_SMALLEST = {
    "object": _object,
    "array": lambda schema: [smallest(schema["items"])] * schema.get("minItems", 0),
    "string": lambda schema: fitting(schema, max(schema.get("minLength", 0), 1)),
    "integer": _number,
    "number": _number,
    "boolean": lambda _: True,
}
