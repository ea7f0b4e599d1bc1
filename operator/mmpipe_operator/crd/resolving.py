"""From pydantic's JSON Schema to one tree: references followed, what may be absent made plain.

``modalities`` makes one entry of the five kinds of modality; ``structural`` and ``placing`` read the tree. Keys that
begin with ``x-mmpipe-`` are notes for them, and end there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpipe_operator.crd.modalities import MODEL, Schema, merged

_DEFINITIONS = "#/$defs/"


def resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema without ``$ref``, ``anyOf`` with null, and ``oneOf``."""
    if "$ref" in schema:
        return _referred(schema, definitions)
    if "anyOf" in schema:
        return _present(schema, definitions)
    if "oneOf" in schema:
        names = {reference: name for name, reference in schema["discriminator"]["mapping"].items()}
        return merged({names[choice["$ref"]]: resolved(choice, definitions) for choice in schema["oneOf"]})
    return {key: _inner(key, value, definitions) for key, value in schema.items() if key not in {"title", "$defs"}}


def _referred(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """What a reference names, with what stands beside the reference."""
    name = schema["$ref"].removeprefix(_DEFINITIONS)
    target = resolved(definitions[name], definitions)
    model = {MODEL: name} if "properties" in target else {}
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return target | model | resolved(beside, definitions)


def _present(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema of a value that may be absent, where it is present: null is another word for absent."""
    (present,) = (choice for choice in schema["anyOf"] if choice.get("type") != "null")
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return resolved(present, definitions) | resolved(beside, definitions)


def _inner(key: str, value: Any, definitions: Mapping[str, Schema]) -> Any:  # noqa: ANN401  # JSON
    if key == "properties":
        return {name: resolved(inner, definitions) for name, inner in value.items()}
    if key in {"items", "additionalProperties", "propertyNames"} and isinstance(value, dict):
        return resolved(value, definitions)
    return value
