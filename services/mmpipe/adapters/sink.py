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

Several workers write to the same stores (``shared``). Step 1 is then a claim on each sample, taken before anything else
is read or written (see ``metadata.claims``): a result that is older than what is stored is dropped as superseded, a
sample that another process is writing is left for later as busy. Whoever sent a sample last owns its id, whatever it
named before. A local run is alone with its stores; an id that other content from another source has is a conflict.

A sample's rejected parts go to quarantine; a sample is QUARANTINED when all were, and a second run leaves it alone. One
with a fault (:class:`mmpipe.records.Failed`) keeps the vectors it got, and every next run tries again. A sample that is
no longer in the input is left alone.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, Self

from mmpipe.adapters.deletion import drop_originals
from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.identity import Digests, digests_of, fingerprint
from mmpipe.adapters.measuring import metadata_written, originals_kept, vectors_written
from mmpipe.adapters.metadata import Known, State
from mmpipe.adapters.metadata.claims import CLAIM_S
from mmpipe.adapters.plain import Json
from mmpipe.adapters.planning import Passage, Planned, Setting, plan
from mmpipe.adapters.stores import Stores
from mmpipe.adapters.verification import Verified, recover, verify
from mmpipe.records import Result, Sample
from mmpipe.resilience import deadline

__all__ = ["Originals", "Passage", "Sink", "Stores", "Verified", "Written"]

type Originals = Literal["Copy", "Reference"]

_STRAIGHT = Passage()
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_CLAIM_SHARE = 0.75
"""Of the time of a claim, what the vectors may take; the rest is for the transactions around them."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a group: vectors in Milvus, samples by state, and conflicts (sample id: why and what to do).

    Of several writers: ``superseded`` samples need no further attempt, because something newer is there or they were
    forgotten; ``busy`` ones are being written by another process and are to be tried again in some seconds.
    """

    rows: int
    states: Mapping[str, State] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    superseded: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()


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
    def open(
        cls, stores: Stores, *, recipe: str, source: str, originals: Originals = "Copy", shared: bool = False
    ) -> Self:
        """Begin a run over the input ``source`` with ``recipe`` (a digest of spec, code version and model digests).

        ``originals`` says whether the bytes of every original are copied to the object store or only referred to.
        ``shared`` is for one of several writers; what servers share is not counted at each start of each of them.
        Raises StoreError where a store can't be used.
        """
        metadata, lies_at = stores.metadata, stores.objects.uri_of
        kept_at = lies_at if originals == "Copy" else lambda _: ""
        setting = Setting(metadata.pipeline, secrets.token_hex(16), source, recipe, kept_at, lies_at, shared)
        if stores.vectors.embedded or not shared:
            recover(stores)
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

    def fingerprint(self, sample: Sample, variant: str = "") -> str:
        """Equal exactly when storing ``sample`` again would store the same. Reads all its bytes, once until planned."""
        return fingerprint(self._digests_of(sample).content, self._setting.recipe, variant)

    def unchanged(self, fingerprints: Mapping[str, str]) -> set[str]:
        """Which of these samples (id: fingerprint) are in the stores exactly so and need no work."""
        known = self._stores.metadata.unchanged(fingerprints)
        for sample_id in known:
            self._digests.pop(sample_id, None)
        return known

    def confirm(self, sample_id: str, fingerprint: str, accepted_at: datetime) -> bool:
        """Whether a sample that was accepted then is in the stores exactly so, and is done with; recorded as such."""
        done = self._stores.metadata.confirm(sample_id, fingerprint, accepted_at)
        if done:
            self._digests.pop(sample_id, None)
        return done

    def keep(self, sample: Sample) -> None:
        """Put the originals of a sample into the object store, if they are to be copied. Again changes nothing.

        What is only referred to is there already, or stays where it is.
        """
        if self._originals != "Copy":
            return
        with originals_kept():
            for part, sha256 in zip(sample.parts, self._digests_of(sample).parts, strict=True):
                if part.media.reference is None:
                    self._stores.objects.put(part.media.content, sha256)

    def plan(self, result: Result, passage: Passage = _STRAIGHT) -> Planned:
        """What :meth:`commit` will write about a result; afterwards the bytes of its sample are needed no more."""
        planned = plan(result, self._digests_of(result.sample), self._setting, passage)
        self._digests.pop(result.sample.id, None)
        return planned

    def write(self, results: Sequence[Result], passage: Passage = _STRAIGHT) -> Written:
        """:meth:`plan` and :meth:`commit` a group."""
        return self.commit([self.plan(result, passage) for result in results])

    def commit(self, planned: Sequence[Planned]) -> Written:
        """Commit a group (a thousand rows is a good size), exactly once in effect; see the head of this module.

        Of two results with one sample id the last wins; where they were accepted, the one that was accepted later.
        Alone: a sample whose id is taken, by other content from another source, is not written but returned as a
        conflict. Shared: see :class:`Written`. Raises StoreError; the group may then be written again.
        """
        ordered = sorted(planned, key=lambda each: each.rows.sample["accepted_at"] or _LONG_AGO)
        latest = {each.rows.id: each for each in ordered}
        written = self._commit_shared(latest) if self._setting.shared else self._commit_alone(latest)
        self._count(written)
        return written

    def verify(self) -> Verified:
        """Count the vectors against the metadata; where they differ, find the samples that lost some and doubt them."""
        return verify(self._stores)

    def let_go(self, sample_id: str) -> None:
        """Forget the bytes of a sample that will not be planned."""
        self._digests.pop(sample_id, None)

    def _commit_alone(self, latest: Mapping[str, Planned]) -> Written:
        known = self._stores.metadata.known(latest)
        conflicts = self._conflicts(latest, known)
        group = [each for sample_id, each in latest.items() if sample_id not in conflicts]
        rows = [each.rows for each in group]
        stale = _stale(group, {id_: before.row_ids for id_, before in known.items()})
        with self._metadata_written(group, "intend"):
            self._stores.metadata.intend(rows, [each.id for each in rows if each.id in known])
        self._write_vectors(group, stale)
        with self._metadata_written(group, "settle"):
            self._stores.metadata.settle(rows, stale)
        return _written(group, conflicts=conflicts)

    def _commit_shared(self, latest: Mapping[str, Planned]) -> Written:
        with self._metadata_written(latest.values(), "claim"):
            claimed = self._stores.metadata.claim([each.rows for each in latest.values()])
        group = [each for sample_id, each in latest.items() if sample_id in claimed.row_ids]
        stale = _stale(group, claimed.row_ids)
        with _while_claimed():
            self._write_vectors(group, stale)
        with self._metadata_written(group, "settle"):
            settled = self._stores.metadata.settle([each.rows for each in group], stale)
        for sample_id in claimed.deleted:  # its originals were kept before this was known
            brought = {part["sha256"] for part in latest[sample_id].rows.parts}
            drop_originals(self._stores, sample_id, brought)
        lost = claimed.row_ids.keys() - settled
        return replace(
            _written([each for each in group if each.rows.id in settled]),
            superseded=claimed.superseded | claimed.deleted,
            busy=claimed.busy | lost,
        )

    def _write_vectors(self, group: Sequence[Planned], stale: Sequence[tuple[str, str]]) -> None:
        with vectors_written(group):
            self._stores.vectors.upsert([vector for each in group for vector in each.vectors])
            self._stores.vectors.delete([row for _, row in stale])

    def _metadata_written(self, group: Collection[Planned], operation: str) -> AbstractContextManager[None]:
        return metadata_written(group, self._stores.metadata.database.system, operation)

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
        if self._setting.shared:
            self._counts["superseded"] += len(written.superseded)


@contextmanager
def _while_claimed() -> Iterator[None]:
    """No write to Milvus begins, nor is waited for, so late that the claim may be another's."""
    try:
        with deadline.within(CLAIM_S * _CLAIM_SHARE):
            yield
    except deadline.DeadlinePassed as error:
        expected = "an end before the claim on the samples runs out"
        raise StoreUnreachable(
            "vectors", f"a write that takes {CLAIM_S:g} s", expected, "see how busy Milvus is"
        ) from error


def _conflict(sample_id: str, taken_by: str, source: str) -> str:
    return (
        f"sample {sample_id}: found its id taken by other content from {taken_by}; "
        f"expected ids of {source} to be free; give this input an id prefix"
    )


def _written(group: Sequence[Planned], conflicts: Mapping[str, str] | None = None) -> Written:
    rows = sum(len(each.vectors) for each in group)
    return Written(rows, {each.rows.id: each.rows.state for each in group}, conflicts or {})


def _stale(group: Iterable[Planned], known: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    """Rows that the samples had (sample id: row ids) and will not have, as (sample id, row id)."""
    return [
        (each.rows.id, row)
        for each in group
        for row in sorted(known.get(each.rows.id, frozenset()) - {vector.id for vector in each.vectors})
    ]
