"""Ways through the typed model: which fields stand at a path, and every field of an object with its markers.

``explain``, ``acting`` and ``problems`` look at the model only through here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAliasType, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmpipe.records import Modality
from mmpipe.spec.pipeline import MODALITY_SPECS, MultimodalPipeline


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of a concrete object: where it is, what it is, and whether the object says something of its own."""

    path: str
    info: FieldInfo
    value: object

    @property
    def is_default(self) -> bool:
        """Whether the object says nothing of its own here."""
        return bool(self.value == self.info.get_default(call_default_factory=True))

    def marker[M](self, kind: type[M]) -> M | None:
        """The marker of that kind that stands at the field, or None."""
        return next((mark for mark in self.info.metadata if isinstance(mark, kind)), None)


def settings(model: BaseModel, prefix: str = "") -> Iterator[Setting]:
    """Every field of an object and of all it holds, outer before inner. A list's entries go by their name."""
    for name, info in type(model).model_fields.items():
        value, path = getattr(model, name), f"{prefix}{info.alias or name}"
        yield Setting(path, info, value)
        yield from _inner(value, path)


def _inner(value: object, path: str) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from settings(value, f"{path}.")
    elif isinstance(value, tuple):
        for entry in value:
            if isinstance(entry, BaseModel):
                yield from settings(entry, f"{path}.{getattr(entry, 'name', '')}.")


def model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that stands at a path of the document, or None where the path ends in a value or nowhere."""
    model: type[BaseModel] | None = MultimodalPipeline
    for step in location:
        if isinstance(step, int):
            continue
        model = _step(model, step)
    return model


def fields_at(location: Sequence[str | int]) -> list[str]:
    """Names of the fields that may stand at a path, as in the YAML."""
    model = model_at(location)
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def field_named(model: type[BaseModel], name: str) -> FieldInfo | None:
    """A model's field by the name that the YAML gives it."""
    return next((info for field, info in model.model_fields.items() if (info.alias or field) == name), None)


def _step(model: type[BaseModel] | None, step: str) -> type[BaseModel] | None:
    if model in MODALITY_SPECS.values() and step in MODALITY_SPECS:
        return MODALITY_SPECS[Modality(step)]
    info = field_named(model, step) if model else None
    return model_of(info.annotation) if info else None


def model_of(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation (``X``, ``X | None``, ``tuple[X, ...]``), or None where it holds a plain value."""
    if isinstance(annotation, TypeAliasType):
        return model_of(annotation.__value__)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := model_of(argument))), None)
