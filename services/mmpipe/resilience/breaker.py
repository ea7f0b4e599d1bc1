"""The circuit breaker: a dependency that fails is left alone for a while, then asked carefully whether it is well.

Laws
----
1. *Closed*: every call passes, and the last ``windowCalls`` are remembered. Once there are as many, the breaker opens
   when the share of failed ones reaches ``failureRatio`` or that of slow ones ``slowCallRatio``. A window that is not
   full opens nothing: one failure in one call is no ratio.
2. *Open*: no call passes until ``openSeconds`` have gone by. :class:`BreakerOpen` says how long that still is.
3. *Half open*: ``halfOpenCalls`` probes pass and no other call. When all have succeeded the breaker closes, unless the
   share of slow ones reaches ``slowCallRatio``; one that fails opens it again at once.
4. A call that says nothing about the dependency (a client's error, a cancellation) is *ignored*: it counts nowhere and
   frees its probe for another. It can neither close a breaker nor keep it half open for ever.
5. Each change of state begins an *epoch*. A call that was let in during an earlier one, however late it ends, changes
   nothing: it speaks of a time that is over.
6. A permit counts once, and one that is left without a word is ignored.

:data:`TRANSITIONS` is the whole machine; the rest of the module counts. Time comes from the clock it is given. Threads
and coroutines may share a breaker: its lock is held for a few additions, never during a call or a callback.

Whoever calls says what became of it: nothing here knows exceptions or status codes::

    with breaker.enter() as permit:  # BreakerOpen
        answer = call()
        permit.succeeded()
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import Self

from mmpipe.errors import MmpipeError
from mmpipe.spec.delivery import Breaker as Options

PROBED_S = 0.5
"""When to come again while others probe: about the length of a call, by which the answer is known."""


class State(Enum):
    """Whether calls pass. The values are those of the metric and of the status."""

    CLOSED = "Closed"
    OPEN = "Open"
    HALF_OPEN = "HalfOpen"


class Event(Enum):
    """What changes the state."""

    TRIPPED = auto()
    """A ratio of the full window was reached."""
    RESTED = auto()
    """``openSeconds`` have gone by, and somebody wants to call."""
    PROBE_FAILED = auto()
    PROBES_SLOW = auto()
    """All probes succeeded, too many of them slowly."""
    PROBES_SUCCEEDED = auto()


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.CLOSED, Event.TRIPPED): State.OPEN,
        (State.OPEN, Event.RESTED): State.HALF_OPEN,
        (State.HALF_OPEN, Event.PROBE_FAILED): State.OPEN,
        (State.HALF_OPEN, Event.PROBES_SLOW): State.OPEN,
        (State.HALF_OPEN, Event.PROBES_SUCCEEDED): State.CLOSED,
    }
)
"""Every change there is. A pair that is not here cannot happen: its KeyError is a bug of this module."""

type Clock = Callable[[], float]
type OnChange = Callable[[str, State], None]


class BreakerOpen(MmpipeError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """The dependency is left alone; ``retry_after_s`` is when to ask again."""

    def __init__(self, dependency: str, retry_after_s: float) -> None:
        found = "too many of its last calls failed or slow"
        super().__init__(f"{dependency}: found {found}; expected it to answer; try again in {retry_after_s:.1f} s")
        self.dependency = dependency
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Permit:
    """The right to make one call, and the duty to say what became of it."""

    _say: Callable[[bool | None], None]

    def succeeded(self) -> None:
        """The dependency did what it was asked."""
        self._say(False)  # noqa: FBT003  # private

    def failed(self) -> None:
        """The dependency is at fault: no answer, one too late, an internal error."""
        self._say(True)  # noqa: FBT003  # private

    def ignored(self) -> None:
        """The call says nothing about the dependency (law 4)."""
        self._say(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ignored()


class Breaker:
    """See the laws at the head of this module."""

    def __init__(
        self,
        options: Options,
        clock: Clock = time.monotonic,
        on_change: OnChange | None = None,
        name: str = "dependency",
    ) -> None:
        self.name = name
        self._options = options
        self._clock = clock
        self._on_change = on_change
        self._lock = Lock()
        self._epoch = self._begun(State.CLOSED)

    @property
    def state(self) -> State:
        """Open until somebody asks to call after the rest, however long that is ago."""
        return self._epoch.state

    def enter(self) -> Permit:
        """Ask to make a call. Raises :class:`BreakerOpen` where it shall not be made."""
        with self._lock:
            before = self._epoch
            self._rest()
            call = self._admitted()
            after = self._epoch
        self._tell(before, after)
        return Permit(partial(self._settle, call))

    def _rest(self) -> None:
        if self._epoch.state is State.OPEN and self._rest_left_s() <= 0:
            self._change(Event.RESTED)

    def _admitted(self) -> _Call:
        epoch = self._epoch
        if epoch.state is State.OPEN:
            raise BreakerOpen(self.name, max(0.0, self._rest_left_s()))
        if epoch.state is State.HALF_OPEN and epoch.under_way + len(epoch.calls) >= self._options.half_open_calls:
            raise BreakerOpen(self.name, min(PROBED_S, self._options.open_seconds))
        epoch.under_way += 1
        return _Call(epoch, self._clock())

    def _settle(self, call: _Call, failed: bool | None) -> None:  # noqa: FBT001  # private, of three values
        with self._lock:
            before = self._epoch
            if call.epoch is before and not call.settled:
                self._count(call, failed=failed)
            call.settled = True
            after = self._epoch
        self._tell(before, after)

    def _count(self, call: _Call, *, failed: bool | None) -> None:
        call.epoch.under_way -= 1
        if failed is None:
            return
        call.epoch.add(_Ended(failed, self._clock() - call.entered > self._options.slow_call_seconds))
        event = _verdict(call.epoch, self._options)
        if event:
            self._change(event)

    def _change(self, event: Event) -> None:
        self._epoch = self._begun(TRANSITIONS[self._epoch.state, event])

    def _begun(self, state: State) -> _Epoch:
        size = self._options.half_open_calls if state is State.HALF_OPEN else self._options.window_calls
        return _Epoch(state, self._clock(), deque(maxlen=size))

    def _rest_left_s(self) -> float:
        return self._epoch.began + self._options.open_seconds - self._clock()

    def _tell(self, before: _Epoch, after: _Epoch) -> None:
        if self._on_change and before is not after:
            self._on_change(self.name, after.state)


class Breakers:
    """One breaker for each dependency, made when first asked for."""

    def __init__(self, options: Options, clock: Clock = time.monotonic, on_change: OnChange | None = None) -> None:
        self._new = partial(Breaker, options, clock, on_change)
        self._lock = Lock()
        self._breakers: dict[str, Breaker] = {}

    def of(self, dependency: str) -> Breaker:
        """The breaker of a dependency, named as in metrics: ``image``, ``vectors``, ..."""
        with self._lock:
            if dependency not in self._breakers:
                self._breakers[dependency] = self._new(name=dependency)
            return self._breakers[dependency]

    def states(self) -> dict[str, State]:
        """The state of every dependency that was asked for, by name."""
        with self._lock:
            return {name: breaker.state for name, breaker in sorted(self._breakers.items())}


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of one call."""

    failed: bool
    slow: bool


@dataclass(slots=True)
class _Epoch:
    """All that is known since the last change of state; ``calls`` holds at most as many as are looked at."""

    state: State
    began: float
    calls: deque[_Ended]
    under_way: int = 0
    failed: int = 0
    slow: int = 0

    def add(self, call: _Ended) -> None:
        if self.full:
            self._weigh(self.calls[0], -1)
        self.calls.append(call)
        self._weigh(call, 1)

    @property
    def full(self) -> bool:
        return len(self.calls) == self.calls.maxlen

    def _weigh(self, call: _Ended, weight: int) -> None:
        self.failed += weight * call.failed
        self.slow += weight * call.slow


@dataclass(slots=True)
class _Call:
    """One call under way."""

    epoch: _Epoch
    entered: float
    settled: bool = False


def _verdict(epoch: _Epoch, options: Options) -> Event | None:
    """What the calls of an epoch amount to (laws 1 and 3). Counts are divided, so that 7 of 10 is exactly 0.7."""
    slow = epoch.full and epoch.slow / len(epoch.calls) >= options.slow_call_ratio
    if epoch.state is State.CLOSED:
        failing = epoch.full and epoch.failed / len(epoch.calls) >= options.failure_ratio
        return Event.TRIPPED if failing or slow else None
    if epoch.failed:
        return Event.PROBE_FAILED
    if not epoch.full:
        return None
    return Event.PROBES_SLOW if slow else Event.PROBES_SUCCEEDED
