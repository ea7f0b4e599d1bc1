"""Objects that the CustomResourceDefinition accepts and refuses, made from its own schema and rules.

For tests that ask a real API server, or ``mmpipe.spec``, about every rule and every bound: who adds a field or a rule
has it tested.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmpipe_operator import names
from mmpipe_operator.crd.document import document, rules
from mmpipe_operator.crd.modalities import Schema
from mmpipe_operator.crd.rule import Placed, Rule
from mmpipe_operator.crd.smallest import smallest
from mmpipe_operator.kinds import Manifest

_STEP = re.compile(r"\[\]|\{\}|[^.\[\]{}]+")
_ENTRY_OF_A_MAP = "text"

BASE: Manifest = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {"name": "media"},
    "spec": {
        "source": {"queue": {"nats": {"url": "nats://nats:4222"}}},
        "sink": {
            "milvus": {"uri": "http://milvus:19530"},
            "objects": {"uri": "s3://media"},
            "metadata": {"uri": "postgresql://mmpipe@postgres/mmpipe"},
        },
    },
}
"""The smallest object that a cluster takes."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The whole schema and its rules by their place."""

    root: Schema
    rules: Mapping[str, Sequence[Placed]]

    def whole(self, at: str, value: object) -> Manifest:
        """An object with that value at a place such as ``spec.modalities[].decode``, valid but for the value."""
        return _over(BASE, self._around(self.root, "", _STEP.findall(at), value))

    def _around(self, schema: Schema, at: str, steps: list[str], value: Any) -> Any:  # noqa: ANN401  # JSON
        if not steps:
            return value
        step, *rest = steps
        if step == "[]":
            return [self._around(schema["items"], f"{at}[]", rest, value)]
        if step == "{}":
            return {_ENTRY_OF_A_MAP: self._around(schema["additionalProperties"], f"{at}{{}}", rest, value)}
        inner = self._around(schema["properties"][step], f"{at}.{step}", rest, value)
        return self._beside(schema, at, steps) | {step: inner}

    def _beside(self, schema: Schema, at: str, steps: list[str]) -> Manifest:
        """What must stand beside the next step: what is required, and what a rule about that step asks for."""
        if at in ("", ".spec"):
            return {}
        required = {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}
        asked = (placed.rule.accepted for placed in self.rules.get(at, ()) if _is_about(placed.rule, steps))
        return required | copy.deepcopy(next(asked, {}))


def _is_about(rule: Rule, steps: list[str]) -> bool:
    """Whether a rule is about the field that the steps lead to, or about several beside each other with it."""
    if rule.field and f".{'.'.join(steps)}.".startswith(f"{rule.field}."):
        return True
    return isinstance(rule.accepted, dict) and steps[0] in rule.accepted and rule.field.count(".") <= 1


def schemas() -> Schemas:
    """Those of the CustomResourceDefinition."""
    by_place = defaultdict(list)
    for placed in rules():
        by_place[placed.at].append(placed)
    return Schemas(document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"], by_place)


def _over(base: Manifest, patch: Manifest) -> Manifest:
    """A merge: blocks by field, all else is replaced."""
    merged = dict(base)
    for name, value in patch.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        merged[name] = _over(base[name], value) if both else value
    return merged
