"""The sink: one sample in three stores as if it were one, written once however often it is tried.

    originals ──▶ objects          by SHA-256: putting again changes nothing
    sample    ──▶ metadata         what is known, and which vectors it has
    vectors   ──▶ Milvus           by row id, computed from (pipeline, sample, modality, segment)

There is no transaction over two stores. In its place stands an order in which every step may be the last one before a
crash, and every step may be repeated (``write``)::

    1  metadata   the sample is PENDING; every row id it will have is recorded beside those it had
    2  Milvus     upsert the rows it will have
    3  Milvus     delete the rows it had and no longer has
    4  metadata   forget those; the sample is STORED (or QUARANTINED, FAILED) with its fingerprint

A sample that a crash left PENDING is not ``unchanged``, so the next run writes it again: the same ids over the same
rows, and what was recorded in step 1 and is not wanted is deleted in step 3. After that run the stores are as if there
had been no crash; ``tests/contract`` crashes after each step and compares. The metadata come first and last because a
row that nobody recorded could never be found again.

What a store acknowledged it may still lose with the power (see ``vectors.lite``): after a run that did not end, opening
counts the rows, and samples whose rows are gone are PENDING again. :meth:`Sink.verify` does the same on request.

A sample's rejected parts go to quarantine; a sample is QUARANTINED when all were, and a second run leaves it alone. One
with a fault (:class:`mmpipe.records.Failed`) keeps the vectors it got, and every next run tries again. A sample that is
no longer in the input is left alone.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from mmpipe.adapters.identity import Digests, digests_of, fingerprint
from mmpipe.adapters.metadata import Known, Metadata, State
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.plain import Json
from mmpipe.adapters.planning import Planned, Setting, plan
from mmpipe.adapters.vectors import VectorStore
from mmpipe.records import Result, Sample

type Originals = Literal["Copy", "Reference"]


@dataclass(frozen=True, slots=True)
class Stores:
    """The three stores of a sink, which closes them."""

    vectors: VectorStore
    objects: Objects
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a group: vectors in Milvus, samples by state, and conflicts (sample id: why and what to do)."""

    rows: int
    states: Mapping[str, State] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verified:
    """Rows that the metadata expect in Milvus and rows that were counted; ``lost`` samples will be written again."""

    expected: int
    counted: int
    lost: frozenset[str] = frozenset()

    @property
    def ok(self) -> bool:
        """Whether the stores agree."""
        return self.expected == self.counted and not self.lost


class Sink:
    """Where results go. All but ``commit`` (and ``write``) is for any thread; those are for one at a time."""

    def __init__(self, stores: Stores, setting: Setting, originals: Originals) -> None:
        """See :meth:`open`."""
        self._stores = stores
        self._setting = setting
        self._originals = originals
        self._counts: Counter[str] = Counter()
        self._digests: dict[str, tuple[Sample, Digests]] = {}
        self._interrupted = False

    @classmethod
    def open(cls, stores: Stores, *, recipe: str, source: str, originals: Originals = "Copy") -> Self:
        """Begin a run over the input ``source`` with ``recipe`` (a digest of spec, code version and model digests).

        ``originals`` says whether the bytes of every original are copied to the object store or only referred to.
        Raises StoreError where a store can't be used.
        """
        metadata = stores.metadata
        kept_at = stores.objects.uri_of if originals == "Copy" else lambda _: ""
        setting = Setting(metadata.pipeline, secrets.token_hex(16), source, recipe, kept_at)
        _recover(stores)
        metadata.begin_run(setting.run_id, recipe, source)
        return cls(stores, setting, originals)

    def close(self) -> None:
        """Put everything on disk, then say that the run is over: finished, or interrupted."""
        self._stores.vectors.close()
        counts: dict[str, Json] = dict(self._counts)
        self._stores.metadata.end_run(self._setting.run_id, counts, finished=not self._interrupted)
        self._stores.metadata.close()

    def interrupt(self) -> None:
        """Record that the run ends before its input did."""
        self._interrupted = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.interrupt()
        self.close()

    def fingerprint(self, sample: Sample) -> str:
        """Equal exactly when storing ``sample`` again would store the same. Reads all its bytes, once until planned."""
        return fingerprint(self._digests_of(sample).content, self._setting.recipe)

    def unchanged(self, fingerprints: Mapping[str, str]) -> set[str]:
        """Which of these samples (id: fingerprint) are in the stores exactly so and need no work."""
        known = self._stores.metadata.unchanged(fingerprints)
        for sample_id in known:
            self._digests.pop(sample_id, None)
        return known

    def keep(self, sample: Sample) -> None:
        """Put the originals of a sample into the object store, if they are to be copied. Again changes nothing."""
        if self._originals == "Copy":
            for part, sha256 in zip(sample.parts, self._digests_of(sample).parts, strict=True):
                self._stores.objects.put(part.media.content, sha256)

    def plan(self, result: Result) -> Planned:
        """What :meth:`commit` will write about a result; afterwards the bytes of its sample are needed no more."""
        planned = plan(result, self._digests_of(result.sample), self._setting)
        self._digests.pop(result.sample.id, None)
        return planned

    def write(self, results: Sequence[Result]) -> Written:
        """:meth:`plan` and :meth:`commit` a group."""
        return self.commit([self.plan(result) for result in results])

    def commit(self, planned: Sequence[Planned]) -> Written:
        """Commit a group (a thousand rows is a good size), exactly once in effect; see the head of this module.

        Of two results with one sample id the last wins. A sample whose id is taken, by other content from another
        source, is not written but returned as a conflict. Raises StoreError; the group may then be written again.
        """
        latest = {each.rows.id: each for each in planned}
        known = self._stores.metadata.known(latest)
        conflicts = self._conflicts(latest, known)
        group = [each for sample_id, each in latest.items() if sample_id not in conflicts]
        stale = list(_stale(group, known))
        self._commit(group, [each.rows.id for each in group if each.rows.id in known], stale)
        written = Written(
            rows=sum(len(each.vectors) for each in group),
            states={each.rows.id: each.rows.state for each in group},
            conflicts=conflicts,
        )
        self._count(written)
        return written

    def verify(self) -> Verified:
        """Count the vectors against the metadata; where they differ, find the samples that lost some and doubt them."""
        return _verify(self._stores)

    def _commit(self, group: Sequence[Planned], known: Sequence[str], stale: Sequence[tuple[str, str]]) -> None:
        rows = [each.rows for each in group]
        self._stores.metadata.intend(rows, known)
        self._stores.vectors.upsert([vector for each in group for vector in each.vectors])
        self._stores.vectors.delete([row for _, row in stale])
        self._stores.metadata.settle(rows, stale)

    def _conflicts(self, planned: Mapping[str, Planned], known: Mapping[str, Known]) -> dict[str, str]:
        return {
            sample_id: _conflict(sample_id, before.source, self._setting.source)
            for sample_id, before in known.items()
            if before.source != self._setting.source and before.content != planned[sample_id].rows.sample["content"]
        }

    def _digests_of(self, sample: Sample) -> Digests:
        """The digests of a sample, computed once between fingerprint and plan."""
        remembered = self._digests.get(sample.id)
        if remembered is None or remembered[0] is not sample:
            remembered = self._digests[sample.id] = (sample, digests_of(sample))
        return remembered[1]

    def _count(self, written: Written) -> None:
        self._counts.update(str(state) for state in written.states.values())
        self._counts["vectors"] += written.rows
        self._counts["conflicts"] += len(written.conflicts)


def _conflict(sample_id: str, taken_by: str, source: str) -> str:
    return (
        f"sample {sample_id}: found its id taken by other content from {taken_by}; "
        f"expected ids of {source} to be free; give this input an id prefix"
    )


def _stale(group: Iterable[Planned], known: Mapping[str, Known]) -> Iterable[tuple[str, str]]:
    """Rows that the samples had and will not have, as (sample id, row id)."""
    for each in group:
        if each.rows.id in known:
            wanted = {vector.id for vector in each.vectors}
            yield from ((each.rows.id, row) for row in sorted(known[each.rows.id].row_ids - wanted))


def _recover(stores: Stores) -> None:
    """After a run that did not end: find out what the stores lost with the power, and close the run's books."""
    unfinished = stores.metadata.unfinished_runs()
    if unfinished and stores.metadata.rows_by_state():
        _verify(stores)
    if stores.vectors.embedded:  # nobody else can be running
        for run_id in unfinished:
            stores.metadata.end_run(run_id, {}, finished=False)


def _verify(stores: Stores) -> Verified:
    settled = sum(rows for state, rows in stores.metadata.rows_by_state().items() if state is not State.PENDING)
    half_done = sum(len(stores.vectors.present(_rows(batch))) for batch in stores.metadata.row_ids(pending=True))
    expected, counted = settled + half_done, stores.vectors.count()
    lost = frozenset(_lost(stores)) if counted != expected else frozenset()
    stores.metadata.doubt(lost)
    return Verified(expected, counted, lost)


def _lost(stores: Stores) -> Iterable[str]:
    for batch in stores.metadata.row_ids(pending=False):
        present = stores.vectors.present(_rows(batch))
        yield from (sample_id for sample_id, row in batch if row not in present)


def _rows(batch: Iterable[tuple[str, str]]) -> list[str]:
    return [row for _, row in batch]
