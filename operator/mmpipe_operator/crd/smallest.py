"""The smallest value that a structural schema takes: its default, or what is required and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mmpipe_operator.crd.modalities import Schema

_TEXTS = ("a", "/a", "1")


def smallest(schema: Schema) -> Any:  # noqa: ANN401  # JSON
    """A value of the structural schema. Raises ValueError where it knows no text for a pattern."""
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    return _SMALLEST[schema["type"]](schema)


def _object(schema: Schema) -> Schema:
    return {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}


def _number(schema: Schema) -> float:
    least = schema.get("minimum", 0)
    return int(least) + 1 if schema.get("exclusiveMinimum") else int(least)


def _text(schema: Schema) -> str:
    pattern, length = schema.get("pattern", ""), max(schema.get("minLength", 0), 1)
    found = next((text for text in _TEXTS if len(text) >= length and re.search(pattern, text)), None)
    if found is None:
        raise ValueError(f"found no text of {length} characters for {pattern!r}, expected one in crd.smallest; add it")
    return found


_SMALLEST: Mapping[str, Callable[[Schema], Any]] = {
    "object": _object,
    "array": lambda schema: [smallest(schema["items"])] * schema.get("minItems", 0),
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda _: True,
}
