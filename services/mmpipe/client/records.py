"""What the client answers with: frozen records in the words of the pipeline, never protos.

``messages`` makes them from the wire. Their neighbours are :mod:`mmpipe.records` (modalities, segments, references and
verdicts are the same ones) and ``errors``, whose exceptions also stand in a :class:`Receipt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mmpipe.client.errors import GatewayError
from mmpipe.records import Attributes, Facts, Failed, Modality, Rejected, Segment


class SampleState(StrEnum):
    """Where a sample is. The last three are settled: nothing changes until somebody acts."""

    QUEUED = "queued"
    PENDING = "pending"
    STORED = "stored"
    QUARANTINED = "quarantined"
    DEAD = "dead"

    @property
    def settled(self) -> bool:
        """Whether the pipeline is done with it."""
        return self in {SampleState.STORED, SampleState.QUARANTINED, SampleState.DEAD}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one sample at the gateway's door.

    ``sample_id`` is its id, also where the gateway derived it from the content. Without an ``error`` the sample is
    durable: it will be stored, quarantined or a dead letter, whatever is killed. ``duplicate`` says that the queue held
    it already, with the same content.
    """

    sample_id: str
    duplicate: bool = False
    error: GatewayError | None = None

    @property
    def accepted(self) -> bool:
        """Whether it is durable."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Stored:
    """The fate of a part that has a vector: the id of its row in Milvus."""

    row_id: str


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What became of one part or segment. ``modality`` is None for a part that was not recognised as anything.

    ``segment`` is None where the whole part is meant; ``fate`` is None while nothing is known.
    """

    modality: Modality | None
    uri: str
    segment: Segment | None
    fate: Stored | Rejected | Failed | None


@dataclass(frozen=True, slots=True)
class SampleStatus:
    """What is known about a sample.

    ``accepted_at`` and ``written_at`` are when the gateway accepted it and when its rows were written last, in UTC.
    ``weights`` says how much each modality counts in the fused vector, ``missing`` what the pipeline takes and the
    sample could not give, ``degraded`` what was left out because a service was down. ``alignment_confidence`` in [0, 1]
    is None without a fused vector. ``reason`` says why it is dead.
    """

    sample_id: str
    state: SampleState
    accepted_at: datetime | None
    written_at: datetime | None
    parts: tuple[PartStatus, ...]
    weights: Mapping[str, float]
    missing: tuple[Modality, ...]
    degraded: tuple[Modality, ...]
    alignment_confidence: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One sample that answers a query, by its best row. ``score`` is the cosine similarity of that row, at most 1."""

    score: float
    sample_id: str
    modality: str
    uri: str
    segment: Segment | None
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Answer:
    """The nearest samples, best first.

    ``generation`` is the collection that answered, ``model`` (``name@digest``) made its vectors and the query's;
    ``cached`` says that the gateway remembered the answer.
    """

    hits: tuple[Hit, ...]
    generation: str
    model: str
    cached: bool


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters: those that fit all that is given. Without anything: all.

    ``stage`` is dotted (``image.decode``), a prefix will do; ``reason`` is a piece of the reason; ``since`` is
    inclusive, ``until`` exclusive, both of when the letter was seen last, and know their time zone.
    """

    sample_ids: tuple[str, ...] = ()
    stage: str = ""
    reason: str = ""
    modality: Modality | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY = DeadLetterFilter()
"""All of them."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A sample that was given up: the dotted stage that failed last, why, and how often it was tried.

    ``attempts`` counts deliveries to a worker, ``redrives`` how often it was put back; ``trace_id`` is the trace of the
    last attempt; times are in UTC.
    """

    sample_id: str
    stage: str
    reason: str
    attempts: int
    redrives: int
    trace_id: str
    first_seen: datetime | None
    last_seen: datetime | None
    modalities: tuple[Modality, ...]


@dataclass(frozen=True, slots=True)
class Redrive:
    """What was done with one dead letter: ``redriven``: it is back in the queue (or would be, in a dry run)."""

    sample_id: str
    redriven: bool
    reason: str


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """One item that a gate rejected, with what a person needs to judge it.

    ``modality`` is None where it was not recognised; ``object_uri`` is empty where the original was not kept.
    """

    sample_id: str
    modality: Modality | None
    uri: str
    object_uri: str
    segment: Segment | None
    rejected: Rejected
    facts: Facts
    rejected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much a forgotten sample had: ``vectors``, and ``originals`` that no other sample has."""

    vectors: int
    originals: int
