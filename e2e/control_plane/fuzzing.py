"""One bound of a field, tried on a pipeline that runs: its bad value is refused, its good one applied and taken back.

What must hold then: every refusal names a field, whoever refuses (the API server, or the operator by Stalled), and the
state is that of the first apply, object by object. Neighbours: ``schema_cases`` makes the values from the schema, and
``final_state`` says what is compared.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from e2e.cluster.client import ApiError
from e2e.cluster.waiting import wait_for
from e2e.control_plane.final_state import State, difference, state
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.schema_cases import BASE, Case
from e2e.control_plane.verdicts import Verdict

from mmpipe_operator.kinds import PIPELINE, Manifest

HANDLED_S = 60.0
"""Most time until the operator has seen a change and done what follows, with others at it on a busy machine."""
MOST_PODS = 3
"""A process is never given more: a thousand pods would try the scheduler, not the operator."""
_OF_THE_SPEC = ("SpecValid", "Stalled", "StagesAvailable")
"""Conditions that the spec and the objects alone decide."""
_FIELD = re.compile(r"\bspec[.\[][\w.\[\]=,\"-]+")
_TAKEN = "taken"
_STRICT = {"fieldValidation": "Strict"}


@dataclass(slots=True)
class Outcome:
    """What a bound's good value became, how long until all was as before, and what was not as it must be."""

    case: Case
    became: str = ""
    took_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.case.path} ({self.case.bound}) {self.became}: {'; '.join(self.faults)}"


@dataclass(slots=True)
class Bench:
    """A pipeline in a namespace of its own, and its state after the first apply."""

    pipeline: Pipeline
    fresh: State = field(default_factory=dict)

    def begin(self) -> Bench:
        """Apply it for the first time."""
        self._apply(BASE)
        self.pipeline.settle(HANDLED_S)
        self.fresh = self._state()
        return self

    def attempt(self, case: Case) -> Outcome:
        """Both values of a bound."""
        outcome, started = Outcome(case), time.monotonic()
        try:
            outcome.faults += self._refusal(case)
            outcome.became = self._change(case)
            self._apply(BASE)
            wait_for(self._as_before, HANDLED_S)
        except AssertionError as error:
            outcome.faults.append(str(error))
            self._apply(BASE)
        outcome.took_s = time.monotonic() - started
        return outcome

    def anew(self) -> str:
        """Delete the pipeline and apply it again; what differs from the first time."""
        self.pipeline.delete()
        wait_for(lambda: not state(self.pipeline), HANDLED_S, lambda: f"left over: {sorted(state(self.pipeline))}")
        self._apply(BASE)
        self.pipeline.settle(HANDLED_S)
        return difference(self._state(), self.fresh)

    def _refusal(self, case: Case) -> Iterator[str]:
        """What is wrong with how the bad value was met."""
        refusal = wait_for(lambda: self._replaced_by(case.broken))
        if refusal == _TAKEN:
            wait_for(lambda: self._replaced_by(BASE))  # an apply takes nothing away that a PUT has set
            yield f"a value that breaks {case.bound} was taken"
        elif not Verdict(refusal).names(case.path):
            yield f"the refusal names no {case.path}: {refusal}"

    def _replaced_by(self, document: Manifest) -> str | None:
        """What the API server says against the document in the pipeline's place; None where a status came between."""
        own = self._document(document)
        own["metadata"]["resourceVersion"] = self.pipeline.get()["metadata"]["resourceVersion"]
        path = PIPELINE.path(self.pipeline.namespace, self.pipeline.name)
        try:
            self.pipeline.cluster.client.call("PUT", path, own, **_STRICT)
        except ApiError as error:
            return None if error.reason == "Conflict" else error.message
        return _TAKEN

    def _change(self, case: Case) -> str:
        """Apply the good value, and see what becomes of it. Raises AssertionError where nothing does."""
        before = self.pipeline.get()["metadata"]["generation"]
        try:
            applied = self._apply(case.kept)
        except ApiError as error:
            return _naming(error.message, "refused")
        if applied["metadata"]["generation"] == before:
            return "nothing new"
        return wait_for(self._handled, HANDLED_S, lambda: f"status: {self.pipeline.status}")

    def _handled(self) -> str:
        """``applied`` or ``stalled``, once the operator has looked at this generation."""
        if self.pipeline.condition("SpecValid").get("status") == "True":
            stalled = self.pipeline.condition("Stalled")
            return _named(stalled) if stalled.get("reason") == "ChildRefused" else "applied"
        return _named(self.pipeline.condition("Stalled"))

    def _as_before(self) -> bool:
        assert self.pipeline.condition("SpecValid").get("status") == "True", "the operator has not seen it yet"
        unlike = difference(self._state(), self.fresh)
        assert not unlike, unlike
        return True

    def _apply(self, document: Manifest) -> Manifest:
        own = self._document(document)
        _calm(own["spec"])
        return self.pipeline.cluster.client.apply(PIPELINE, own, "user")

    def _document(self, document: Manifest) -> Manifest:
        own = copy.deepcopy(document)
        own["metadata"] = {"name": self.pipeline.name, "namespace": self.pipeline.namespace}
        return own

    def _state(self) -> State:
        """Without the number of pods, which an autoscaler has set and keeps, and without what neighbours say."""
        found = copy.deepcopy(state(self.pipeline))
        for name, each in found.items():
            if name.startswith("Deployment "):
                each["spec"].pop("replicas", None)
        own = found.get("pipeline", {"conditions": {}})
        own.pop("processes", None)
        own["conditions"] = {name: own["conditions"].get(name) for name in _OF_THE_SPEC}
        return found


def _named(stalled: Manifest) -> str:
    assert stalled.get("status") == "True", f"neither valid nor Stalled: {stalled}"
    return _naming(stalled["message"], "stalled")


def _naming(message: str, became: str) -> str:
    """What became of it, where the message says at which field."""
    assert _FIELD.search(message), f"{became}, and the message names no field: {message}"
    return became


def _calm(value: Any) -> None:  # noqa: ANN401  # JSON
    """Let no process have more than a few pods."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("minReplicas"), int):
        value["minReplicas"] = min(value["minReplicas"], MOST_PODS)
    for child in children:
        _calm(child)
