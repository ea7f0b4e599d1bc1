"""What the verdicts are drawn from: the observation, its stages, and the status before it.

Conditions are observations, so the status before decides nothing; it only stands in for what could not be looked at
this time: a neighbour that has not been asked since the operator started, or anything while reconciling is paused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status.conditions import CONDITIONS, REASONS, STAGES_AVAILABLE
from mmpipe_operator.status.reports import Observed, Report
from mmpipe_operator.status.rollout import Stage, stages

SHOWN = 3
"""How many of several problems a message names."""

type Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition says, its times apart."""

    status: Status
    reason: str
    message: str = ""

    def __post_init__(self) -> None:
        if not self.message:
            object.__setattr__(self, "message", remedied(REASONS[self.reason].meaning, self.reason))


@dataclass(frozen=True)
class Facts:
    """One observation of one pipeline."""

    observed: Observed
    stages: tuple[Stage, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", stages(self.observed))

    @property
    def report(self) -> Report:
        """What the neighbours said."""
        return self.observed.report

    @cached_property
    def before(self) -> Manifest:
        """The status that the pipeline has now."""
        return self.observed.pipeline.get("status") or {}

    @cached_property
    def was(self) -> dict[str, Manifest]:
        """Its conditions by type."""
        return {each["type"]: each for each in self.before.get("conditions", ()) if each["type"] in CONDITIONS}

    @property
    def generation(self) -> int:
        """Which spec this is about: while reconciling is paused, the one before; 0 where there was none."""
        present: int = self.observed.pipeline["metadata"].get("generation", 1)
        return int(self.before.get("observedGeneration", 0)) if self.observed.paused else present

    @property
    def spec(self) -> dict[str, Any]:
        """As the API server has it."""
        found: dict[str, Any] = self.observed.pipeline.get("spec") or {}
        return found

    @property
    def is_planned(self) -> bool:
        """Whether the present spec became a plan. Where not, what an earlier one asked for goes on."""
        return bool(self.observed.processes)

    @property
    def is_stopped(self) -> bool:
        """Whether the spec that was planned last asks for no pods."""
        if self.is_planned:
            return bool(self.spec.get("lifecycle", {}).get("state") == "Paused")
        return bool(self.was.get(STAGES_AVAILABLE, {}).get("reason") == "Paused")

    @property
    def name(self) -> str:
        """Of the pipeline."""
        return str(self.observed.pipeline["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Of the pipeline."""
        return str(self.observed.pipeline["metadata"]["namespace"])

    def kept(self, condition: str) -> Verdict | None:
        """What a condition said before, where that still stands: it is about the spec that runs."""
        was = self.was.get(condition)
        if was is None or (self.is_planned and was.get("observedGeneration") != self.generation):
            return None
        return Verdict(was["status"], was["reason"], was["message"])


def remedied(found: str, reason: str) -> str:
    """What was found, with the catalogue's remedy."""
    remedy = REASONS[reason].remedy
    return f"{found.rstrip('.')}; {remedy}" if remedy else found


def listed(sentences: Sequence[str]) -> str:
    """A few of many sentences."""
    more = len(sentences) - SHOWN
    return ". ".join(sentences[:SHOWN]) + (f". And {more} more" if more > 0 else "")
