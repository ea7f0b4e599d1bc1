"""Dynamic batching: calls wait in a bounded queue, threads compute what ``lanes`` lets go next.

One thread for each core. A thread that is free takes what waits at once, however little it is; only calls that came
while every thread was busy may be held, for at most ``max_wait_s``, to fill a batch. A call is answered when all its
items are done, whichever batches they went through.

The caller's thread waits in :meth:`Batcher.wait`; the computing threads know nothing of gRPC. Work that raises fails
every call of its batch: what is wrong with one item is an outcome (``chain.run`` sees to that), so this is a bug.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from mmpipe.runtimes.stage_server.faults import Abandoned, QueueFull, Stopping
from mmpipe.runtimes.stage_server.lanes import Lanes, Limits, Load, Waiting

log = logging.getLogger(__name__)

FIRST_GUESS_S = 0.05
"""Seconds for an item, before any was measured."""
_SMOOTHING = 0.2
"""Weight of the last batch in the mean time of an item."""
SHORTEST_PUSHBACK_S, LONGEST_PUSHBACK_S = 0.02, 5.0


class Work(Hashable, Protocol):
    """What is done with a batch: one answer for each item, in order. Equal work shares batches."""

    @property
    def most_items(self) -> int:
        """How many items a batch may hold, whatever the spec allows."""
        ...

    def __call__(self, items: Sequence[Any], /) -> Sequence[Any]:
        """The answers."""
        ...


@dataclass(slots=True, eq=False)
class Call:
    """A call in the queue: ``sizes`` are the bytes of each item, times are of the batcher's clock.

    ``trace`` is the W3C traceparent of the call.
    """

    work: Work
    items: Sequence[Any]
    sizes: Sequence[int]
    query: bool
    deadline_s: float
    trace: str = ""
    queued_s: float = 0.0
    answers: list[Any] = field(default_factory=list)
    missing: int = 0
    fault: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes through the work at once: whose items, which, and since when."""

    work: Work
    calls: tuple[Call, ...]
    items: tuple[Any, ...]
    query: bool
    begun_s: float


type Compute = Callable[[Batch], Sequence[Any]]


def plainly(batch: Batch) -> Sequence[Any]:
    """Compute a batch and tell nobody."""
    return batch.work(batch.items)


class Batcher:
    """The queue and its threads. ``compute`` carries a batch through its work; telemetry is wrapped around it there."""

    def __init__(
        self,
        limits: Limits,
        threads: int,
        max_wait_s: float = 0.0,
        compute: Compute = plainly,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes: Lanes[Call] = Lanes(limits)
        self._max_wait_s, self._compute, self._clock = max_wait_s, compute, clock
        self._changed = threading.Condition()
        self._reserved = {True: Load(), False: Load()}
        self._idle = 0
        self._closed = False
        self._last_call_s = -math.inf
        self._item_s = FIRST_GUESS_S
        self._threads = [
            threading.Thread(target=self._serve, name=f"mmpipe-stage-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to compute."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take no new calls. What waits is still computed."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait until nothing is left to compute; False where that takes longer."""
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def waiting(self) -> dict[bool, int]:
        """How many items wait, by whether they are queries'."""
        with self._changed:
            return {query: load.items for query, load in self._lanes.loads.items()}

    def quiet_s(self) -> float:
        """For how long there has been no new call."""
        with self._changed:
            return self._clock() - self._last_call_s

    @contextmanager
    def room(self, load: Load, *, query: bool = False) -> Iterator[None]:
        """Hold room in the call's lane while it is prepared. Raises QueueFull or Stopping, at once."""
        self._reserve(load, query=query)
        try:
            yield
        finally:
            with self._changed:
                self._reserved[query] -= load
                self._changed.notify_all()

    def enqueue(self, call: Call) -> None:
        """Queue a call for which there is room: inside :meth:`room`."""
        call.answers, call.missing, call.queued_s = [None] * len(call.items), len(call.items), self._clock()
        with self._changed:
            if call.fault is None and call.items:
                self._lanes.push(self._waiting(call))
                self._changed.notify(len(call.items))
            else:
                call.done.set()

    def abandon(self, call: Call) -> None:
        """Nobody waits for this call any longer: what has not begun of it is never computed."""
        with self._changed:
            self._end(call, Abandoned())

    def wait(self, call: Call) -> list[Any]:
        """The answers of a queued call, in the order of its items. Raises Abandoned, or what its work raised."""
        call.done.wait()
        if call.fault is not None:
            raise call.fault
        return call.answers

    def _reserve(self, load: Load, *, query: bool) -> None:
        with self._changed:
            self._last_call_s = self._clock()
            if self._closed:
                raise Stopping
            if not self._lanes.has_room(load, self._reserved[query], query=query):
                waiting = (self._lanes.loads[query] + self._reserved[query]).items
                raise QueueFull(waiting, self._pushback_s(waiting))
            self._reserved[query] += load

    def _pushback_s(self, waiting: int) -> float:
        """When half of what waits will be done, at the pace of late."""
        half_s = waiting * self._item_s / len(self._threads) / 2
        return min(LONGEST_PUSHBACK_S, max(SHORTEST_PUSHBACK_S, half_s))

    def _waiting(self, call: Call) -> list[Waiting[Call]]:
        now = call.queued_s
        due = now if self._idle else now + self._max_wait_s
        work, most = call.work, call.work.most_items
        return [Waiting(call, place, work, size, call.query, now, due, most) for place, size in enumerate(call.sizes)]

    def _serve(self) -> None:
        while taken := self._next():
            self._carry(taken)

    def _next(self) -> list[Waiting[Call]]:
        """The next batch, waited for; empty when the queue is closed and nothing is left."""
        with self._changed:
            while not (self._closed and self._is_empty()):
                taken = self._lanes.take(self._clock())
                alive = [item for item in taken if self._is_alive(item.call)]
                if alive:
                    return alive
                if not taken:
                    self._rest()
            return []

    def _is_empty(self) -> bool:
        return not any(load.items for load in (*self._lanes.loads.values(), *self._reserved.values()))

    def _rest(self) -> None:
        """Wait for a change, or for the first item to be due."""
        due = self._lanes.due_s()
        free = due is None
        self._idle += free
        self._changed.wait(None if due is None else max(0.0, due - self._clock()))
        self._idle -= free

    def _is_alive(self, call: Call) -> bool:
        if call.fault is None and call.deadline_s <= self._clock():
            self._end(call, Abandoned())
        return call.fault is None

    def _carry(self, taken: list[Waiting[Call]]) -> None:
        begun = self._clock()
        batch = _batch(taken, begun)
        try:
            answers = list(zip(taken, self._compute(batch), strict=True))
        except Exception as error:
            log.exception("work raised on a batch of %d", len(taken))
            self._fail(batch.calls, error)
        else:
            self._deliver(answers, (self._clock() - begun) / len(taken))

    def _deliver(self, answers: Sequence[tuple[Waiting[Call], Any]], item_s: float) -> None:
        with self._changed:
            self._item_s += _SMOOTHING * (item_s - self._item_s)
            for item, answer in answers:
                call = item.call
                call.answers[item.place] = answer
                call.missing -= 1
                if not call.missing:
                    call.done.set()

    def _fail(self, calls: Sequence[Call], error: Exception) -> None:
        with self._changed:
            for call in calls:
                self._end(call, error)

    def _end(self, call: Call, fault: Exception) -> None:
        if not call.done.is_set():
            call.fault = fault
            self._lanes.drop(call)
            call.done.set()


def _batch(taken: Sequence[Waiting[Call]], begun_s: float) -> Batch:
    return Batch(
        work=taken[0].call.work,
        calls=tuple({id(item.call): item.call for item in taken}.values()),
        items=tuple(item.call.items[item.place] for item in taken),
        query=taken[0].query,
        begun_s=begun_s,
    )
