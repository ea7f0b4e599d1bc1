"""The local run: one process takes an input through the data path into the sink.

Three kinds of threads share the work. The caller's reads samples and forms batches; one worker for each core takes a
batch through decode, clean, embed and fuse (C kernels that drop the GIL) and plans its rows; one writer commits them in
groups. What is in flight between them is bounded, so a slow store slows the reader down instead of filling the memory,
and a commit that takes a while leaves no worker without work.

A run can be stopped between batches (``stop``) or killed at any moment: what was committed stays, and the next run over
the same input takes up where this one ended. What keeps that promise is the sink; this module only orders the work.
"""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition, Event, Thread

from mmpipe.adapters.planning import Planned
from mmpipe.adapters.sink import Sink, Verified
from mmpipe.records import Sample
from mmpipe.runtimes.path import DataPath
from mmpipe.runtimes.tally import Counts, Tally, duplicates, tally_of
from mmpipe.runtimes.turns import short_turns

SAMPLES_PER_BATCH = 32
BYTES_PER_BATCH = 64 * 1024 * 1024
BYTES_AHEAD = 64 * 1024 * 1024
"""Media that were read and are not yet processed: little enough that the same memory is used over and over, since a
page touched for the first time costs more than reading into it."""
SAMPLES_IN_FLIGHT = 4_000
"""Samples that were read and are not yet committed: enough to keep the workers busy through a commit."""
ROWS_PER_GROUP = 1_000
GROUP_WAIT_S = 0.01
"""A group is committed at 1,000 rows or after 10 ms without news (DESIGN 5: single-row inserts are 58 times slower)."""

MISMATCHES_NAMED = 100
"""So that a million misnamed files do not fill the memory; each is in the metadata anyway."""


@dataclass(slots=True)
class Progress:
    """What has been done so far; observers read it, only the writer changes it.

    ``conflicts`` says by sample id why a sample was not stored; ``mismatches`` by URI what a file is that its name does
    not say, for the first :data:`MISMATCHES_NAMED` of them.
    """

    counts: Counts = field(default_factory=Counter)
    vectors: int = 0
    conflicts: dict[str, str] = field(default_factory=dict)
    mismatches: dict[str, str] = field(default_factory=dict)
    verified: Verified | None = None
    started: float = field(default_factory=time.perf_counter)
    ended: float | None = None

    def add(self, tally: Tally, *, conflict: bool) -> None:
        """Count one sample that was written, or that was not because its id was taken."""
        self.counts.update(tally.conflict if conflict else tally.written)
        if len(self.mismatches) + len(tally.mismatches) <= MISMATCHES_NAMED:
            self.mismatches |= tally.mismatches

    @property
    def seconds(self) -> float:
        """Seconds since the run began, or that it took."""
        return (self.ended or time.perf_counter()) - self.started


@dataclass(frozen=True, slots=True)
class _Batch:
    """Samples on their way."""

    samples: Sequence[Sample]

    @property
    def held(self) -> int:
        """Bytes of media in memory; what is mapped from a file is none of ours."""
        contents = (part.media.content for sample in self.samples for part in sample.parts)
        return sum(len(content) for content in contents if isinstance(content, bytes))


@dataclass(frozen=True, slots=True)
class _Done:
    """A batch after the worker, without its media: what to commit, and the counts of what is stored already."""

    planned: Sequence[Planned]
    tallies: Sequence[Tally]
    duplicates: Counts


class _Room:
    """A bound on what is under way: entering waits for room, what is larger than all of it for its turn."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used, self._changed = limit, 0, Condition()

    def enter(self, size: int) -> None:
        """Take room, once there is some."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._used + size <= self._limit)
            self._used += size

    def leave(self, size: int) -> None:
        """Give room back."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class _Rooms:
    """The two bounds of a run: bytes of media until they are processed, samples until they are committed."""

    media: _Room = field(default_factory=lambda: _Room(BYTES_AHEAD))
    samples: _Room = field(default_factory=lambda: _Room(SAMPLES_IN_FLIGHT))

    def enter(self, batch: _Batch) -> None:
        """Wait for room for a batch."""
        self.media.enter(batch.held)
        self.samples.enter(len(batch.samples))


type _Work = tuple[Future[_Done], _Batch]
"""A batch on its way, and what it was."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What a run works with: the stages, the stores, how many workers, and whom to tell."""

    path: DataPath
    sink: Sink
    workers: int
    observe: Callable[[Progress], None] = lambda _: None


def run(carrier: Carrier, samples: Iterable[Sample], stop: Event) -> Progress:
    """Take samples through the path into the sink until they end or ``stop`` is set; then finish what is in flight.

    Raises StoreError when a store stays away: everything committed before stays, and the next run goes on from there.
    """
    progress, rooms = Progress(), _Rooms()
    inbox: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
    writer = _Writer(carrier, inbox, rooms, progress, stop)
    with short_turns(), _pool(carrier, "mmpipe-keeper") as keepers, _pool(carrier, "mmpipe-worker") as workers:
        hands = _Hands(carrier, rooms.media, keepers)
        writer.start()
        try:
            for batch in _batches(samples, stop):
                rooms.enter(batch)
                inbox.put((workers.submit(hands.work, batch), batch))
        finally:
            inbox.put(None)
            writer.join()
    if stop.is_set():
        carrier.sink.interrupt()
    if writer.fault is not None:
        raise writer.fault
    progress.verified = carrier.sink.verify()
    progress.ended = time.perf_counter()
    return progress


def _batches(samples: Iterable[Sample], stop: Event) -> Iterator[_Batch]:
    """Samples by the batch."""
    batch: list[Sample] = []
    size = 0
    for sample in samples:
        if stop.is_set():
            return
        batch.append(sample)
        size += sum(len(part.media.content) for part in sample.parts)
        if len(batch) == SAMPLES_PER_BATCH or size >= BYTES_PER_BATCH:
            yield _Batch(batch)
            batch, size = [], 0
    if batch and not stop.is_set():
        yield _Batch(batch)


def _pool(carrier: Carrier, name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(carrier.workers, thread_name_prefix=name)


@dataclass(frozen=True, slots=True)
class _Hands:
    """What workers do with a batch: all that can be done beside the writer, so that it has nothing to do but write."""

    carrier: Carrier
    media: _Room
    keepers: ThreadPoolExecutor

    def work(self, batch: _Batch) -> _Done:
        """Process and plan what is not stored already; its media leave the memory."""
        try:
            return self._process(batch.samples)
        finally:
            self.media.leave(batch.held)

    def _process(self, samples: Sequence[Sample]) -> _Done:
        sink = self.carrier.sink
        known = sink.unchanged({sample.id: sink.fingerprint(sample) for sample in samples})
        fresh = [sample for sample in samples if sample.id not in known]
        kept = self.keepers.submit(self._keep, fresh)  # mostly waiting for the disk or the network
        results = self.carrier.path.process(fresh)
        kept.result()
        planned, tallies = [sink.plan(result) for result in results], [tally_of(result) for result in results]
        return _Done(planned, tallies, duplicates(sample for sample in samples if sample.id in known))

    def _keep(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            self.carrier.sink.keep(sample)


class _Writer(Thread):
    """Commits results in groups, in the order of the input. After a fault it stops the run and lets the rest go by."""

    def __init__(
        self, carrier: Carrier, inbox: queue.SimpleQueue[_Work | None], rooms: _Rooms, progress: Progress, stop: Event
    ) -> None:
        super().__init__(name="mmpipe-writer")
        self.carrier, self.inbox, self.rooms, self.progress, self.stop = carrier, inbox, rooms, progress, stop
        self.fault: BaseException | None = None
        self._planned: list[Planned] = []
        self._tallies: list[Tally] = []
        self._rows = self._samples = 0

    def run(self) -> None:
        """Until the end of the inbox."""
        try:
            self._take_all()
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits for this one
            self.fault = error
            self.stop.set()
            self._let_go_by()

    def _take_all(self) -> None:
        while True:
            try:
                work = self.inbox.get(timeout=GROUP_WAIT_S if self._planned else None)
            except queue.Empty:
                self._commit()
                continue
            if work is None:
                break
            self._take(*work)
        self._commit()

    def _take(self, future: Future[_Done], batch: _Batch) -> None:
        self._samples += len(batch.samples)
        if self.stop.is_set() and self._cancelled(future, batch):
            return
        done = future.result()
        self.progress.counts.update(done.duplicates)
        self._planned += done.planned
        self._tallies += done.tallies
        self._rows += sum(len(each.vectors) for each in done.planned)
        if self._rows >= ROWS_PER_GROUP or not self._planned:
            self._commit()
        self.carrier.observe(self.progress)

    def _cancelled(self, future: Future[_Done], batch: _Batch) -> bool:
        """Whether no worker had begun it; then none will, and none leaves its room."""
        cancelled = future.cancel()
        if cancelled:
            self.rooms.media.leave(batch.held)
        return cancelled

    def _commit(self) -> None:
        if self._planned:
            self._write()
        self.rooms.samples.leave(self._samples)
        self._planned, self._tallies, self._rows, self._samples = [], [], 0, 0
        self.carrier.observe(self.progress)

    def _write(self) -> None:
        written = self.carrier.sink.commit(self._planned)
        self.progress.vectors += written.rows
        self.progress.conflicts |= written.conflicts
        for tally in self._tallies:
            self.progress.add(tally, conflict=tally.sample_id in written.conflicts)

    def _let_go_by(self) -> None:
        self.rooms.samples.leave(self._samples)
        while (work := self.inbox.get()) is not None:
            self._cancelled(*work)
            self.rooms.samples.leave(len(work[1].samples))
