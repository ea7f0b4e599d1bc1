"""What a result means for the stores: pure, so that the sink only has to carry it out.

Every part and segment gets an outcome row; a vector gets a segment row and a row in Milvus; what was rejected gets a
quarantine row with all that a person needs to judge it. A vector that Milvus would refuse is rejected here, at the gate
``sink.milvus``, so that one bad row never takes its batch with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mmpipe.adapters.identity import FUSED, Digests, fingerprint, row_id
from mmpipe.adapters.metadata import SampleRows, State
from mmpipe.adapters.metadata.database import Values
from mmpipe.adapters.objects import in_own_store
from mmpipe.adapters.plain import Json, plain, plain_text
from mmpipe.adapters.vectors import VectorRow, unfit_row, unfit_sample
from mmpipe.records import Embedded, Embedding, Failed, Fusion, Item, Media, Modality, Part, Rejected, Result, Segment

GATE = "sink.milvus"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for every sample of a run.

    ``kept_at`` says where an original that came along is kept, empty if nowhere; ``lies_at`` where one lies that was in
    the object store before. ``shared``: other processes write samples of this pipeline at the same time.
    """

    pipeline: str
    run_id: str
    source: str
    recipe: str
    kept_at: Callable[[str], str]
    lies_at: Callable[[str], str] = str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """How a sample came through the services; a local run needs none of it.

    ``degraded`` are modalities that were left out because a service was down: their faults are no fault of the sample,
    and it is completed when it is sent again. ``variant`` is for what makes equal content another result, such as a
    release from quarantine: it is part of the fingerprint. ``traceparent`` is the span (W3C) that its writes belong to.
    """

    accepted_at: datetime | None = None
    degraded: tuple[Modality, ...] = ()
    variant: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """One sample's rows in the metadata and in Milvus, and the span that writing them belongs to."""

    rows: SampleRows
    vectors: tuple[VectorRow, ...]
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class _Fate:
    """One part or segment, or the fused whole, with the vector it got or the reason why it got none."""

    modality: str | None
    uri: str
    segment: Segment | None
    outcome: Item[Embedding] | Rejected | Failed
    vector: VectorRow | None = None


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the rows of one sample have in common."""

    pipeline: str
    sample_id: str
    attributes: dict[str, Json]


_STRAIGHT = Passage()


def plan(result: Result, digests: Digests, setting: Setting, passage: Passage = _STRAIGHT) -> Planned:
    """Everything to write about ``result``, whose sample has these ``digests``."""
    sample = result.sample
    attributes = plain(dict(sample.attributes))
    assert isinstance(attributes, dict)  # noqa: S101  # a mapping stays one
    fates = list(_with_vectors(_fates(result), _Owner(setting.pipeline, sample.id, attributes)))
    of_parts = [fate for fate in fates if fate.modality != FUSED]
    parts = [
        (part, sha256, _object_uri(part.media, sha256, setting))
        for part, sha256 in zip(sample.parts, digests.parts, strict=True)
    ]
    rows = SampleRows(
        id=sample.id,
        state=_state(of_parts, passage.degraded),
        sample=_sample_row(result, digests.content, setting, passage) | {"attributes": attributes},
        parts=[_part_row(position, *part) for position, part in enumerate(parts)],
        segments=[_segment_row(fate) for fate in fates if fate.vector],
        outcomes=[_outcome_row(position, fate) for position, fate in enumerate(of_parts)],
        quarantine=_quarantine_rows(fates, {plain_text(part.uri): (part, uri) for part, _, uri in parts}),
    )
    return Planned(rows, tuple(fate.vector for fate in fates if fate.vector), passage.traceparent)


def _fates(result: Result) -> Iterable[_Fate]:
    for embedded in (*result.embedded, *_unreadable(result)):
        yield _Fate(embedded.modality, plain_text(embedded.uri), embedded.segment, embedded.outcome)
    whole = plain_text(result.sample.parts[0].uri) if result.sample.parts else ""
    match result.fusion:
        case Fusion() as fusion if len(fusion.weights) > 1:  # of one modality, the part's own row says the same
            yield _Fate(FUSED, whole, None, Item(FUSED, fusion.embedding, fusion.quality))
        case Rejected() as rejected:
            yield _Fate(FUSED, whole, None, rejected)


def _unreadable(result: Result) -> Iterable[Embedded]:
    """What was unreadable and is not among the results already."""
    said = {embedded.uri for embedded in result.embedded if embedded.modality is None}
    unreadable = result.sample.unreadable.items()
    return (Embedded(None, uri, None, verdict) for uri, verdict in unreadable if uri not in said)


def _with_vectors(fates: Iterable[_Fate], owner: _Owner) -> Iterable[_Fate]:
    """The fates, those of items with their rows in Milvus, or rejected where Milvus would refuse the row."""
    never = unfit_sample(owner.sample_id, owner.attributes)
    repeats: Counter[tuple[str | None, Segment | None]] = Counter()
    for fate in fates:
        if not isinstance(fate.outcome, Item):
            yield fate
            continue
        vector = _vector_row(fate, fate.outcome, owner, repeats[fate.modality, fate.segment])
        repeats[fate.modality, fate.segment] += 1
        unfit = never or unfit_row(vector)
        outcome = Rejected(GATE, unfit) if unfit else fate.outcome
        yield _Fate(fate.modality, fate.uri, fate.segment, outcome, None if unfit else vector)


def _vector_row(fate: _Fate, item: Item[Embedding], owner: _Owner, repeat: int) -> VectorRow:
    modality = fate.modality or "unknown"
    return VectorRow(
        id=row_id(owner.pipeline, owner.sample_id, modality, fate.segment, repeat),
        sample_id=owner.sample_id,
        modality=modality,
        vector=item.payload.vector,
        segment=fate.segment,
        uri=fate.uri,
        model=item.payload.model,
        quality=item.quality,
        attributes=owner.attributes,
    )


def _object_uri(media: Media, sha256: str, setting: Setting) -> str:
    """Where the original is kept; empty where it stays where it was found."""
    if media.reference is None:
        return setting.kept_at(sha256)
    return setting.lies_at(sha256) if in_own_store(media.reference) else ""


def _state(fates: Sequence[_Fate], degraded: Sequence[Modality]) -> State:
    failed = [fate for fate in fates if isinstance(fate.outcome, Failed)]
    if any(fate.modality not in degraded for fate in failed) or (failed and len(failed) == len(fates)):
        return State.FAILED
    return State.STORED if any(fate.vector for fate in fates) else State.QUARANTINED


def _sample_row(result: Result, content: str, setting: Setting, passage: Passage) -> Values:
    return {
        "source": setting.source,
        "content": content,
        "fingerprint": fingerprint(content, setting.recipe, passage.variant),
        "latency_ms": result.latency_ms,
        "run_id": setting.run_id,
        "written_at": datetime.now(UTC),
        "accepted_at": passage.accepted_at,
        "degraded": [str(modality) for modality in passage.degraded],
        **_fusion_columns(result.fusion),
    }


def _fusion_columns(fusion: Fusion | Rejected | None) -> Values:
    if not isinstance(fusion, Fusion):
        return {"weights": {}, "missing": [], "alignment_confidence": None, "quality": None}
    return {
        "weights": {str(modality): weight for modality, weight in fusion.weights.items()},
        "missing": [str(modality) for modality in fusion.missing],
        "alignment_confidence": fusion.alignment_confidence,
        "quality": fusion.quality,
    }


def _part_row(position: int, part: Part, sha256: str, object_uri: str) -> Values:
    return {
        "position": position,
        "modality": part.modality,
        "format": part.media.format,
        "uri": plain_text(part.uri),
        "sha256": sha256,
        "bytes": part.media.size_bytes,
        "object_uri": object_uri,
        "facts": plain(part.facts),
        **_stretch(part.media.segment),
    }


def _segment_row(fate: _Fate) -> Values:
    assert fate.vector is not None  # noqa: S101  # asked only of fates with a vector
    assert isinstance(fate.outcome, Item)  # noqa: S101  # which are items
    return {
        "row_id": fate.vector.id,
        "modality": fate.vector.modality,
        "uri": fate.vector.uri,
        **_stretch(fate.segment),
        "model": fate.vector.model,
        "quality": fate.vector.quality,
        "facts": plain(fate.outcome.facts),
    }


def _outcome_row(position: int, fate: _Fate) -> Values:
    match fate.outcome:
        case Item():
            outcome, stage, reason = "embedded", None, None
        case Rejected() as rejected:
            outcome, stage, reason = "rejected", rejected.gate, rejected.reason
        case Failed() as failed:
            outcome, stage, reason = "failed", failed.stage, failed.reason
    where = {"position": position, "modality": fate.modality, "uri": fate.uri, **_stretch(fate.segment)}
    return {**where, "outcome": outcome, "stage": stage, "reason": reason and plain_text(reason)}


def _quarantine_rows(fates: Sequence[_Fate], parts: Mapping[str, tuple[Part, str]]) -> list[Values]:
    """``parts`` are the parts of the sample by URI, each with the URI of its original in the object store."""
    now = datetime.now(UTC)
    rejected = [(fate, fate.outcome) for fate in fates if isinstance(fate.outcome, Rejected)]
    return [
        {
            "position": position,
            "modality": fate.modality,
            "item_uri": fate.uri,
            "object_uri": parts[fate.uri][1] if fate.uri in parts else "",
            **_stretch(fate.segment),
            "gate": verdict.gate,
            "reason": plain_text(verdict.reason),
            "score": plain(verdict.score),
            "threshold": plain(verdict.threshold),
            "facts": plain(parts[fate.uri][0].facts) if fate.uri in parts else {},
            "rejected_at": now,
        }
        for position, (fate, verdict) in enumerate(rejected)
    ]


def _stretch(segment: Segment | None) -> Values:
    return {"start_s": segment.start_s, "end_s": segment.end_s} if segment else {"start_s": None, "end_s": None}
