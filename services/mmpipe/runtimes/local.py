"""The local run: one process takes an input through the data path into the sink.

Three kinds of threads share the work. The caller's reads samples and forms batches; one worker for each core takes a
batch through decode, clean, embed and fuse (C kernels that drop the GIL); one writer commits groups of results. What
is in flight between them is bounded in bytes, so a slow store slows the reader down instead of filling the memory, and
a commit that takes a while leaves no worker without work.

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

from mmpipe.adapters.sink import Sink, Verified
from mmpipe.records import Embedded, Failed, Item, Rejected, Result, Sample
from mmpipe.runtimes.path import DataPath

SAMPLES_PER_BATCH = 32
BYTES_PER_BATCH = 64 * 1024 * 1024
BYTES_IN_FLIGHT = 256 * 1024 * 1024
"""Media that were read and are not yet committed."""
BYTES_PER_SAMPLE = 128 * 1024
"""What a sample counts at least: 2,000 texts in flight keep the workers busy through a commit, and more help nobody."""
ROWS_PER_GROUP = 1_000
GROUP_WAIT_S = 0.01
"""A group is committed at 1,000 rows or after 10 ms without news (DESIGN 5: single-row inserts are 58 times slower)."""

MISMATCHES_NAMED = 100
"""So that a million misnamed files do not fill the memory; each is in the metadata anyway."""

type Counts = Counter[tuple[str, str]]
"""Parts by (modality or ``unknown`` or ``sample``, outcome), where an outcome is one of :data:`OUTCOMES`."""

OUTCOMES = ("stored", "duplicates", "quarantined", "failed")


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

    @property
    def seconds(self) -> float:
        """Seconds since the run began, or that it took."""
        return (self.ended or time.perf_counter()) - self.started


@dataclass(frozen=True, slots=True)
class _Done:
    """A batch after the worker: results to be written, and samples that are stored already exactly so."""

    results: Sequence[Result]
    duplicates: Sequence[Sample]


class _InFlight:
    """The bytes between reader and store: entering waits for room, what is larger than all of it for its turn."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used, self._changed = limit, 0, Condition()

    def enter(self, size: int) -> None:
        """Take room for a batch, once there is some."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._used + size <= self._limit)
            self._used += size

    def leave(self, size: int) -> None:
        """Give the room back."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()


type _Work = tuple[Future[_Done], int]
"""A batch on its way, and its size in bytes."""


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
    progress, in_flight = Progress(), _InFlight(BYTES_IN_FLIGHT)
    inbox: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
    writer = _Writer(carrier, inbox, in_flight, progress, stop)
    with ThreadPoolExecutor(carrier.workers, thread_name_prefix="mmpipe-worker") as pool:
        writer.start()
        try:
            for batch, size in _batches(samples, stop):
                in_flight.enter(size)
                inbox.put((pool.submit(_work, carrier, batch), size))
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


def _batches(samples: Iterable[Sample], stop: Event) -> Iterator[tuple[list[Sample], int]]:
    """Samples by the batch, each with its size in bytes."""
    batch: list[Sample] = []
    size = 0
    for sample in samples:
        if stop.is_set():
            return
        batch.append(sample)
        size += max(BYTES_PER_SAMPLE, sum(len(part.media.content) for part in sample.parts))
        if len(batch) == SAMPLES_PER_BATCH or size >= BYTES_PER_BATCH:
            yield batch, size
            batch, size = [], 0
    if batch and not stop.is_set():
        yield batch, size


def _work(carrier: Carrier, batch: Sequence[Sample]) -> _Done:
    fingerprints = {sample.id: carrier.sink.fingerprint(sample) for sample in batch}
    known = carrier.sink.unchanged(fingerprints)
    fresh = [sample for sample in batch if sample.id not in known]
    for sample in fresh:
        carrier.sink.keep(sample)
    return _Done(carrier.path.process(fresh), [sample for sample in batch if sample.id in known])


class _Writer(Thread):
    """Commits results in groups, in the order of the input. After a fault it stops the run and lets the rest go by."""

    def __init__(
        self,
        carrier: Carrier,
        inbox: queue.SimpleQueue[_Work | None],
        in_flight: _InFlight,
        progress: Progress,
        stop: Event,
    ) -> None:
        super().__init__(name="mmpipe-writer")
        self.carrier, self.inbox, self.in_flight, self.progress, self.stop = carrier, inbox, in_flight, progress, stop
        self.fault: BaseException | None = None
        self._group: list[Result] = []
        self._rows = self._bytes = 0

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
                work = self.inbox.get(timeout=GROUP_WAIT_S if self._group else None)
            except queue.Empty:
                self._commit()
                continue
            if work is None:
                break
            self._take(*work)
        self._commit()

    def _take(self, future: Future[_Done], size: int) -> None:
        self._bytes += size
        if self.stop.is_set() and future.cancel():  # no worker had begun it
            return
        done = future.result()
        for sample in done.duplicates:
            _count_sample(self.progress.counts, sample, "duplicates")
        self._group += done.results
        self._rows += sum(len(result.embedded) for result in done.results)
        if self._rows >= ROWS_PER_GROUP or not self._group:
            self._commit()
        self.carrier.observe(self.progress)

    def _commit(self) -> None:
        if self._group:
            self._write()
        self.in_flight.leave(self._bytes)
        self._group, self._rows, self._bytes = [], 0, 0
        self.carrier.observe(self.progress)

    def _write(self) -> None:
        written = self.carrier.sink.write(self._group)
        self.progress.vectors += written.rows
        self.progress.conflicts |= written.conflicts
        for result in self._group:
            _note_mismatches(self.progress.mismatches, result.sample)
            _count_result(self.progress.counts, result, conflict=result.sample.id in written.conflicts)

    def _let_go_by(self) -> None:
        self.in_flight.leave(self._bytes)
        while (work := self.inbox.get()) is not None:
            future, size = work
            future.cancel()
            self.in_flight.leave(size)


def _note_mismatches(noted: dict[str, str], sample: Sample) -> None:
    for part in sample.parts:
        if "mismatch" in part.facts and len(noted) < MISMATCHES_NAMED:
            noted[part.uri] = str(part.facts["mismatch"])


def _count_sample(counts: Counts, sample: Sample, outcome: str) -> None:
    counts["sample", outcome] += 1
    counts.update((str(part.modality), outcome) for part in sample.parts)


def _count_result(counts: Counts, result: Result, *, conflict: bool) -> None:
    """One count for each part, whatever its number of segments: stored if any segment was, else its worst fate."""
    if conflict:
        _count_sample(counts, result.sample, "failed")
        return
    fates: dict[tuple[str, str], str] = {}
    for embedded in result.embedded:
        key = (str(embedded.modality or "unknown"), embedded.uri)
        fates[key] = min(fates.get(key, OUTCOMES[-1]), _outcome(embedded), key=OUTCOMES.index)
    counts.update((modality, outcome) for (modality, _), outcome in fates.items())
    counts["sample", min(fates.values(), default="quarantined", key=OUTCOMES.index)] += 1


def _outcome(embedded: Embedded) -> str:
    match embedded.outcome:
        case Item():
            return "stored"
        case Rejected():
            return "quarantined"
        case Failed():
            return "failed"
