"""What every part of the spec is made of: the base model, the sizes in bytes, and the markers of what acts where.

The docstring under a field is its description in the CRD, in the reference page and in ``mmpipe spec explain``: it is
written once, here. YAML says camelCase, Python says snake_case; nothing else is accepted for either.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

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


@dataclass(frozen=True, slots=True)
class Later:
    """Marks a field that is settled but does not act yet: any value that does not act is refused with ``sentence``.

    ``acting`` lists further values that do act, beside the field's default.
    """

    sentence: str
    acting: tuple[object, ...] = ()


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
