"""A rule of the CRD that a schema alone can't say: CEL, its words, and an object that it accepts and one it refuses.

Rules stand beside what they mirror: ``crossing`` has those of the model that cross fields, ``unchanging`` what may not
change, ``needs`` what a cluster needs; ``belonging``, ``settling`` and ``placing`` make those that follow from the
schema itself. ``placing`` puts all in their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mmpipe_operator.kinds import Manifest

type Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule about a node of the schema; ``accepted`` and ``rejected`` are values of that node."""

    expression: str
    """CEL over ``self``, and ``oldSelf`` where it is about a change."""
    expected: str
    remedy: str
    accepted: Any
    rejected: Any
    found: str = ""
    """What was found, in words, where every refused value is found alike."""
    shown: str = ""
    """CEL of a text that says what was found. Numbers are not shown: CEL's cost estimate knows no length for them."""
    field: str = ""
    """The field at fault below the node: ``.decode.size``."""
    reason: Reason = "FieldValueInvalid"
    before: Any = None
    """Of a rule about a change: the value of the node before it."""

    @property
    def message(self) -> str:
        """Its words, but for what CEL shows."""
        return f"found {self.found}, {self._demand}" if self.found else self._demand

    @property
    def _demand(self) -> str:
        return f"expected {self.expected}; {self.remedy}"

    def manifest(self) -> Manifest:
        """The rule as ``x-kubernetes-validations`` has it."""
        shown = {"messageExpression": f"'found ' + {self.shown} + {text(f', {self._demand}')}"} if self.shown else {}
        field = {"fieldPath": self.field} if self.field else {}
        return {"rule": self.expression, "message": self.message, **shown, "reason": self.reason, **field}


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule at its place in the schema: ``spec.modalities[]`` is one entry of the list."""

    at: str
    rule: Rule

    @property
    def path(self) -> str:
        """The field at fault."""
        return f"{self.at}{self.rule.field}".removeprefix(".")


def below(at: str, field: str) -> str:
    """The place of a block's field."""
    return f"{at}.{field}" if at else field


def text(value: str) -> str:
    """A text as a CEL literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def literal(value: object) -> str:
    """A value of JSON as a CEL literal."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


def nested(path: str, value: object) -> Manifest:
    """Blocks around a value, so that it stands at a path: ``{"decode": {"size": 224}}``."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def has(path: str, root: str = "self") -> str:
    """CEL: whether ``self`` has the field at a path (``decode.size``) and all above it."""
    steps = path.split(".")
    return " && ".join(f"has({root}.{'.'.join(steps[: end + 1])})" for end in range(len(steps)))


def given(path: str, otherwise: str = "''", root: str = "self") -> str:
    """CEL: the value at a path, or another one where it is absent.

    ``orValue`` would say the same shorter, but CEL's cost estimate takes its texts for endless.
    """
    return f"({has(path, root)} ? {root}.{path} : {otherwise})"
