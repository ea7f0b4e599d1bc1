"""The breaker against a naive model, which keeps every call for ever and counts anew each time, in any order of events.

Calls overlap, and end as late as they like: after the breaker has opened, probed and closed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from tests.unit.resilience.clock import Clock

from mmpipe.resilience.breaker import PROBED_S, Breaker, BreakerOpen, Permit, State
from mmpipe.spec.delivery import Breaker as Options

type End = Literal["succeeded", "failed", "ignored"]

RATIOS = [0.25, 0.5, 0.7, 1.0]
ENDS: list[End] = ["succeeded", "failed", "ignored"]


@dataclass(eq=False)
class Call:
    """One call, from being let in to its end; like another one, it is still itself."""

    epoch: int
    entered: float
    end: End | None = None
    slow: bool = False


@dataclass
class Model:
    """The laws, as somebody would say them who need not be quick."""

    options: Options
    state: State = State.CLOSED
    since: float = 0.0
    epoch: int = 0
    calls: list[Call] = field(default_factory=list)
    """In the order of their ends, those under way last."""

    def enters(self, now: float) -> Call | float:
        """The call, or the seconds after which to come again."""
        if self.state is State.OPEN:
            rest = self.since + self.options.open_seconds - now
            if rest > 0:
                return rest
            self._becomes(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN and len(self._of_epoch(None, "succeeded")) >= self.options.half_open_calls:
            return min(PROBED_S, self.options.open_seconds)
        self.calls.append(Call(self.epoch, now))
        return self.calls[-1]

    def ends(self, call: Call, end: End, now: float) -> None:
        if call.end is not None:
            return
        call.end, call.slow = end, now - call.entered > self.options.slow_call_seconds
        self.calls.remove(call)
        self.calls.append(call)
        if call.epoch == self.epoch and end != "ignored":
            self._judged(now)

    def _judged(self, now: float) -> None:
        if self.state is State.CLOSED and self._bad(self._of_epoch("succeeded", "failed"), self.options.window_calls):
            self._becomes(State.OPEN, now)
        elif self.state is State.HALF_OPEN:
            self._probed(now)

    def _probed(self, now: float) -> None:
        size, answered = self.options.half_open_calls, self._of_epoch("succeeded", "failed")
        if self._of_epoch("failed") or self._bad(answered, size):
            self._becomes(State.OPEN, now)
        elif len(answered) == size:
            self._becomes(State.CLOSED, now)

    def _bad(self, answered: list[Call], size: int) -> bool:
        last = answered[-size:]
        failed, slow = sum(call.end == "failed" for call in last), sum(call.slow for call in last)
        reached = failed / size >= self.options.failure_ratio or slow / size >= self.options.slow_call_ratio
        return len(last) == size and reached

    def _of_epoch(self, *ends: End | None) -> list[Call]:
        return [call for call in self.calls if call.epoch == self.epoch and call.end in ends]

    def _becomes(self, state: State, now: float) -> None:
        self.state, self.since = state, now
        self.epoch += 1


class BreakerMachine(RuleBasedStateMachine):
    """Each rule does the same to both."""

    under_way: Bundle[tuple[Permit, Call]] = Bundle("under_way")
    over: Bundle[tuple[Permit, Call]] = Bundle("over")

    @initialize(
        failure_ratio=st.sampled_from(RATIOS),
        slow_ratio=st.sampled_from(RATIOS),
        window=st.integers(1, 5),
        probes=st.integers(1, 3),
        rest_s=st.sampled_from([0.25, 4.0]),
    )
    def begin(self, failure_ratio: float, slow_ratio: float, window: int, probes: int, rest_s: float) -> None:
        options = Options(
            failure_ratio=failure_ratio,
            slow_call_ratio=slow_ratio,
            slow_call_seconds=2.0,
            window_calls=window,
            half_open_calls=probes,
            open_seconds=rest_s,
        )
        self.clock, self.told = Clock(), [State.CLOSED]
        self.breaker = Breaker(options, self.clock, lambda _, state: self.told.append(state))
        self.model = Model(options, since=self.clock.now)

    @rule(target=under_way, count=st.integers(1, 4))
    def enter(self, count: int) -> MultipleResults[tuple[Permit, Call]]:
        return multiple(*(call for _ in range(count) for call in self._entered()))

    def _entered(self) -> list[tuple[Permit, Call]]:
        expected = self.model.enters(self.clock.now)
        if isinstance(expected, Call):
            return [(self.breaker.enter(), expected)]
        with pytest.raises(BreakerOpen) as refused:
            self.breaker.enter()
        assert refused.value.retry_after_s == expected
        return []

    @rule(call=consumes(under_way), end=st.sampled_from(ENDS), target=over)
    def end(self, call: tuple[Permit, Call], end: End) -> tuple[Permit, Call]:
        self._end(call, end)
        return call

    @rule(call=consumes(under_way), target=over)
    def leave_without_a_word(self, call: tuple[Permit, Call]) -> tuple[Permit, Call]:
        with call[0]:
            self.model.ends(call[1], "ignored", self.clock.now)
        return call

    @rule(call=over, end=st.sampled_from(ENDS))
    def end_once_more(self, call: tuple[Permit, Call], end: End) -> None:
        self._end(call, end)

    @rule(seconds=st.sampled_from([0.25, 1.0, 2.0, 4.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _end(self, call: tuple[Permit, Call], end: End) -> None:
        permit, modelled = call
        self.model.ends(modelled, end, self.clock.now)
        getattr(permit, end)()

    @invariant()
    def they_agree(self) -> None:
        assert self.breaker.state is self.model.state

    @invariant()
    def every_change_was_told(self) -> None:
        assert self.told[-1] is self.model.state
        assert len(self.told) == self.model.epoch + 1


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=200, stateful_step_count=40)
