"""One sweep of crash points: do a thing with an operator that is killed at one of its calls, and see what comes of it.

An operator that has put right what its predecessor left is the one that is killed next, so a point costs one start.
Neighbours: ``final_state`` says what must be the same, ``e2e.cluster.faults.crash`` kills.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from e2e.cluster.faults.calls import Call
from e2e.cluster.faults.crash import Crash, Point, counted, points
from e2e.cluster.faults.proxy import Proxy, through
from e2e.cluster.operators import OperatorProcess, Operators
from e2e.cluster.waiting import wait_for
from e2e.control_plane.final_state import State, contents, difference, recreated, state
from e2e.control_plane.pipelines import Pipeline

CONVERGED_S = 90.0
"""Most time from a new operator's start to the final state, on a busy machine."""
EXTRA_OBJECTS = 1
"""Writes of children that may come twice: the one that was on its way."""
EXTRA_REPORTS = 6
"""Writes of status and events that may be more: what lies between is told as it is seen."""
_QUIET_S = 1.0
_SURE = 0.8
"""Share of an act's calls that are made every time; those after it depend on how much is told in one report."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a user does, and how one sees that the operator has done its part."""

    do: Callable[[], object]
    done: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Reference:
    """What an act comes to when nobody is killed."""

    act: Act
    calls: Sequence[Call]
    final: State


@dataclass(slots=True)
class Outcome:
    """Of one crash point. ``faults`` are sentences; none is as it should be.

    ``call`` is None where the act came to its end with fewer calls than without a crash before: nobody was killed.
    ``sure`` says that it should not have.
    """

    point: Point
    sure: bool
    call: Call | None
    took_s: float
    extra_objects: int
    extra_reports: int
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
    """A pipeline, an installation whose calls go through the proxy, and the operator that runs at present."""

    pipeline: Pipeline
    operators: Operators
    proxy: Proxy
    settings: Mapping[str, object]
    replica: OperatorProcess | None = None

    def start(self) -> None:
        """A new process of the same replica, as a kubelet starts a container again: its lease is its own."""
        self.replica = self.operators.start(identity="replica", **self.settings)

    def kill(self) -> None:
        assert self.replica is not None
        self.replica.child.kill()

    def refer(self, act: Act) -> Reference:
        """Do it without a crash, until nothing is asked any more."""
        first = len(self.proxy.journal)
        act.do()
        wait_for(act.done, CONVERGED_S)
        self._quiet(first, 3 * _QUIET_S)
        calls = [each for each in self.proxy.journal[first:] if counted(each)]
        return Reference(act, calls, state(self.pipeline))

    def crash(self, point: Point, reference: Reference) -> Outcome:
        """Do it with a crash, start a new operator, and compare."""
        first, before = len(self.proxy.journal), contents(self.pipeline)
        crash = self.proxy.script = Crash(point, self.kill)
        reference.act.do()
        wait_for(lambda: crash.happened.is_set() or not self._differs(reference), CONVERGED_S)
        left = contents(self.pipeline)
        self.proxy.script = through
        self.kill()
        self.start()
        took_s, faults = self.converge(reference)
        after = contents(self.pipeline)
        again = {*recreated(before, after), *recreated(left, after)}
        faults += [f"found {ref} made anew, expected the one that was there" for ref in again]
        objects, reports = _extra(self.proxy.journal[first:], reference.calls)
        faults += _too_many(objects, EXTRA_OBJECTS, "objects") + _too_many(reports, EXTRA_REPORTS, "status and events")
        sure = point.number <= _SURE * len(reference.calls)
        return Outcome(point, sure, crash.at, took_s, objects, reports, faults)

    def converge(self, reference: Reference) -> tuple[float, list[str]]:
        """How long it takes until all is as without a crash; what is not, where it takes too long."""
        first, started = len(self.proxy.journal), time.monotonic()
        try:
            wait_for(lambda: not self._differs(reference), CONVERGED_S)
        except AssertionError:
            return CONVERGED_S, [self._differs(reference)]
        took_s = time.monotonic() - started
        self._quiet(first, _QUIET_S)
        return took_s, []

    def _differs(self, reference: Reference) -> str:
        return difference(state(self.pipeline), reference.final)

    def _quiet(self, first: int, for_s: float) -> None:
        """Wait until nothing but elections has been asked for so long."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < for_s:
            now = sum(counted(each) for each in self.proxy.journal[first:])
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.1)


def chosen(reference: Reference, number: int, seed: int) -> list[Point]:
    """So many points, evenly spread from a random first one over those that are sure to come; all of them for 0."""
    every = list(points(reference.calls))
    if number == 0 or number >= len(every):
        return every
    step = _SURE * len(every) / number
    first = random.Random(seed).uniform(0, step)  # noqa: S311  # chooses what is tested
    return [every[int(first + step * each)] for each in range(number)]


def told(outcomes: Iterable[Outcome]) -> list[str]:
    """Every fault with its point."""
    return [f"{each.point} ({each.call}): {fault}" for each in outcomes for fault in each.faults]


def _too_many(found: int, most: int, what: str) -> list[str]:
    return [f"found {found} more writes of {what} than without a crash, expected {most}"] if found > most else []


def _extra(calls: Iterable[Call], expected: Iterable[Call]) -> tuple[int, int]:
    """Writes that were done more often than without a crash: of objects, and of status and events."""
    more = Counter(map(_what, filter(_done, calls))) - Counter(map(_what, filter(_done, expected)))
    reports = sum(number for what, number in more.items() if what.endswith(("/status", "/events")))
    return more.total() - reports, reports


def _done(call: Call) -> bool:
    return call.writes and counted(call) and call.status is not None and 200 <= call.status < 300


def _what(call: Call) -> str:
    return f"{call.method} {call.path}"
