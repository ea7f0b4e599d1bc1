"""What every part of the spec is made of: the base model, the sizes in bytes, and the markers of what acts where.

The docstring under a field is its description in the CRD, in the reference page and in ``mmpipe spec explain``: it is
written once, here. YAML says camelCase, Python says snake_case; nothing else is accepted for either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class SpecModel(BaseModel):
    """One block of the object: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself: nobody changes what is frozen. pydantic copies every default, four fifths of the time of reading."""
        return self


ATOMIC = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})
"""Of a block that only makes sense as a whole: server-side apply replaces it, and never merges into it."""

LATER = "x-mmpipe-later"
"""Key of the JSON Schema under which a field that does not act yet says so."""


@dataclass(frozen=True, slots=True)
class Later:
    """Marks a field that is settled but does not act yet: any value that does not act is refused with ``sentence``.

    ``acting`` lists further values that do act, beside the field's default.
    """

    sentence: str
    acting: tuple[object, ...] = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The field's JSON Schema, which says what it says."""
        return handler(schema) | {LATER: {"sentence": self.sentence, "acting": list(self.acting)}}


@dataclass(frozen=True, slots=True)
class Keyed:
    """Marks a list whose entries are told apart by one field: none twice, and server-side apply merges by it."""

    key: str

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The list's schema with the check."""
        return core_schema.no_info_after_validator_function(self._each_once, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The list's JSON Schema, with the words that the API server has for it."""
        keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [to_camel(self.key)]}
        return handler(schema) | keys

    def _each_once[E](self, entries: tuple[E, ...]) -> tuple[E, ...]:
        twice = [key for key, count in Counter(getattr(entry, self.key) for entry in entries).items() if count > 1]
        if twice:
            raise broken_rule("", f"{twice[0]} twice", f"each {to_camel(self.key)} once", "merge the two entries")
        return entries


@dataclass(frozen=True, slots=True)
class ClusterOnly:
    """Marks a field that only means something under Kubernetes: one machine says aloud that it has no use for it."""


@dataclass(frozen=True, slots=True)
class ServicesOnly(ClusterOnly):
    """Marks a field that means something to the services (`mmpipe up`, a cluster) and nothing to `mmpipe run`."""


def broken_rule(path: str, found: object, expected: str, remedy: str) -> PydanticCustomError:
    """The error of a rule that crosses fields: ``path`` is relative to the model that raises it."""
    context = {"path": path, "found": str(found), "expected": expected, "remedy": remedy}
    return PydanticCustomError("broken_rule", "{path}: found {found}, expected {expected}; {remedy}", context)
