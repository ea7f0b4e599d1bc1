"""The spec explained: one block with its fields, their types, defaults and bounds, and whether they act yet.

``mmpipe spec explain`` prints it and the reference page is made of it, so the two cannot differ.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmpipe.spec.model import ClusterOnly, Later, ServicesOnly
from mmpipe.spec.pipeline import MODALITY_SPECS, MultimodalPipeline, PipelineSpec
from mmpipe.spec.problems import Problem, SpecError
from mmpipe.spec.walk import field_named, fields_at, model_at, model_of

_NAMED = len(("spec", "modalities", "name"))
"""Steps of the shortest path that names a modality."""


@dataclass(frozen=True, slots=True)
class FieldExplained:
    """One field for a reader. ``acts`` is empty where it simply acts, else a sentence."""

    name: str
    type: str
    default: str
    description: str
    acts: str
    is_block: bool


@dataclass(frozen=True, slots=True)
class BlockExplained:
    """One block of the object: what it is and what may stand in it. A plain value is a block of that one field."""

    path: str
    description: str
    fields: tuple[FieldExplained, ...]


def explain(path: str = "") -> BlockExplained:
    """The block at a dotted path such as ``modalities.image.clean`` (``spec.`` may be left out). Raises SpecError."""
    steps = [step for step in path.split(".") if step]
    if steps and steps[0] not in fields_at([]):
        steps = ["spec", *steps]
    if steps[:2] == ["spec", "modalities"] and (len(steps) < _NAMED or steps[2] not in MODALITY_SPECS):
        return _modalities(steps)
    model, parent = model_at(steps), model_at(steps[:-1])
    if model is not None:
        return BlockExplained(".".join(steps), inspect.getdoc(model) or "", _fields(model))
    if parent is not None and (info := field_named(parent, steps[-1])):
        field = _field(steps[-1], info, parent)
        return BlockExplained(".".join(steps), field.description, (field,))
    raise SpecError([_unknown(steps)])


def _modalities(steps: list[str]) -> BlockExplained:
    """The list of modalities, whose entries go by their name."""
    if len(steps) >= _NAMED:
        names = ", ".join(MODALITY_SPECS)
        raise SpecError([Problem(".".join(steps), "no such modality", f"one of {names}", "name one after modalities")])
    (whole,) = (field for field in _fields(PipelineSpec) if field.name == "modalities")
    entries = (
        FieldExplained(str(name), "block", "", inspect.getdoc(spec) or "", "", is_block=True)
        for name, spec in MODALITY_SPECS.items()
    )
    return BlockExplained(".".join(steps), whole.description, tuple(entries))


def _unknown(steps: list[str]) -> Problem:
    known = next((fields for end in range(len(steps), -1, -1) if (fields := fields_at(steps[:end]))), [])
    return Problem(
        ".".join(steps), "no such field", f"one of {', '.join(known)}", "run mmpipe spec explain without a path"
    )


def _fields(model: type[BaseModel]) -> tuple[FieldExplained, ...]:
    return tuple(_field(info.alias or name, info, model) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo, owner: type[BaseModel]) -> FieldExplained:
    inner = model_of(info.annotation)
    whole = _whole(owner)
    schema = _plain(whole["properties"][name], whole.get("$defs", {}))
    description = info.description or (inspect.getdoc(inner) if inner else "") or ""
    return FieldExplained(
        name=name,
        type=_type(schema, inner),
        default=_default(info, inner),
        description=description,
        acts=_acts(info),
        is_block=inner is not None,
    )


@cache
def _whole(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _plain(schema: dict[str, Any], named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema behind a reference, and of the value where there may be none."""
    if "$ref" in schema:
        return _plain(named[schema["$ref"].removeprefix("#/$defs/")], named)
    if "anyOf" in schema:
        return _plain(next(choice for choice in schema["anyOf"] if choice.get("type") != "null"), named)
    return schema


def _type(schema: dict[str, Any], inner: type[BaseModel] | None) -> str:
    if schema.get("type") == "array":
        return "list"
    if inner is not None:
        return "block"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    return str(schema.get("type", "object")) + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return "".join(f" {sign} {schema[key]}" for key, sign in signs.items() if key in schema)


def _default(info: FieldInfo, inner: type[BaseModel] | None) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if inner is not None:
        return "" if value else "none"
    return "none" if value in ("", (), None) and not isinstance(value, bool) else str(value)


def _acts(info: FieldInfo) -> str:
    for mark in info.metadata:
        if isinstance(mark, Later):
            return f"not yet: {mark.sentence}"
        if isinstance(mark, ClusterOnly):
            return "for services only" if isinstance(mark, ServicesOnly) else "under Kubernetes only"
    return ""


def schema() -> dict[str, Any]:
    """The JSON Schema of the object, field names as in the YAML."""
    return MultimodalPipeline.model_json_schema(by_alias=True)
