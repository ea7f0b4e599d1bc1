"""Two objects for every CEL rule of the CRD: its own examples, put into a pipeline that a cluster takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from e2e.control_plane.model_verdict import takes
from e2e.control_plane.schema_cases import AROUND, Steps, indexed, with_value

from mmpipe_operator.crd import Placed
from mmpipe_operator.kinds import Manifest


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One rule at one place. ``before`` is there where the rule is about a change."""

    placed: Placed
    accepted: Manifest
    rejected: Manifest
    before: Manifest | None

    @property
    def path(self) -> str:
        """The field at fault, as the API server says it."""
        return indexed(_steps(self.placed.path))

    @property
    def words(self) -> str:
        """What the message ends with, whatever was found."""
        rule = self.placed.rule
        return f"expected {rule.expected}; {rule.remedy}"


def rule_case(schema: Manifest, placed: Placed) -> RuleCase:
    """The rule's examples in whole objects, in the first surroundings in which the model takes the good one."""
    rule, steps = placed.rule, _steps(placed.at)

    def whole(value: Any, around: Manifest) -> Manifest:  # noqa: ANN401  # JSON
        return with_value(schema, steps, value, around)

    around = next((each for each in AROUND if takes(whole(rule.accepted, each))), None)
    if around is None:
        raise AssertionError(f"{placed.path}: {rule.accepted} is not taken by the model in any surroundings")
    before = whole(rule.before, around) if rule.before is not None else None
    return RuleCase(placed, whole(rule.accepted, around), whole(rule.rejected, around), before)


def _steps(at: str) -> Steps:
    return tuple(re.findall(r"\[\]|\{\}|[^.\[\]{}]+", at))
