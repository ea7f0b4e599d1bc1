"""What the metadata know, as messages of the gateway. Pure; one function for each message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from mmpipe.adapters import wire
from mmpipe.adapters.metadata.dead_letters import DeadLetter, LetterFilter
from mmpipe.adapters.metadata.reading import Quarantined
from mmpipe.adapters.metadata.status import PartStatus, SampleStatus, Standing
from mmpipe.adapters.wire.facts import encode_attributes
from mmpipe.records import Modality, Rejected
from mmpipe.runtimes.gateway.faults import bad_field
from mmpipe.runtimes.search import Hit
from mmpipe.v1 import gateway_pb2, media_pb2, sample_pb2

_STATES = {
    Standing.QUEUED: sample_pb2.SAMPLE_STATE_QUEUED,
    Standing.PENDING: sample_pb2.SAMPLE_STATE_PENDING,
    Standing.STORED: sample_pb2.SAMPLE_STATE_STORED,
    Standing.QUARANTINED: sample_pb2.SAMPLE_STATE_QUARANTINED,
    Standing.DEAD: sample_pb2.SAMPLE_STATE_DEAD,
}


def sample_status(status: SampleStatus) -> sample_pb2.SampleStatus:
    """Where a sample is."""
    return sample_pb2.SampleStatus(
        sample_id=status.sample_id,
        state=_STATES[status.state],
        accepted_at=_timestamp(status.accepted_at),
        written_at=_timestamp(status.written_at),
        parts=map(_part_status, status.parts),
        weights=status.weights,
        missing=_modalities(status.missing),
        alignment_confidence=status.alignment_confidence,
        degraded=_modalities(status.degraded),
        reason=status.reason,
    )


def hit(found: Hit) -> gateway_pb2.Hit:
    """One answer to a search."""
    return gateway_pb2.Hit(
        score=found.score,
        sample_id=found.sample_id,
        modality=found.modality,
        uri=found.uri,
        segment=wire.encode_segment(found.segment) if found.segment else None,
        attributes=encode_attributes(found.attributes),
    )


def dead_letter(letter: DeadLetter) -> gateway_pb2.DeadLetter:
    """A sample that was given up, without its envelope."""
    return gateway_pb2.DeadLetter(
        sample_id=letter.sample_id,
        stage=letter.stage,
        reason=letter.reason,
        attempts=letter.attempts,
        redrives=letter.redrives,
        trace_id=letter.trace_id,
        first_seen=_timestamp(letter.first_seen),
        last_seen=_timestamp(letter.last_seen),
        modalities=_modalities(letter.modalities),
    )


def letter_filter(message: gateway_pb2.DeadLetterFilter) -> LetterFilter:
    """Which dead letters; an absent message fits all. Raises Refusal BAD_FIELD or WireError."""
    return LetterFilter(
        sample_ids=tuple(message.sample_ids),
        stage_prefix=message.stage,
        reason_contains=message.reason_contains,
        modality=wanted_modality(message.modality, "filter.modality"),
        since=_moment(message.since, "filter.since") if message.HasField("since") else None,
        until=_moment(message.until, "filter.until") if message.HasField("until") else None,
    )


def quarantined(item: Quarantined) -> gateway_pb2.QuarantinedItem:
    """An item that a gate rejected."""
    return gateway_pb2.QuarantinedItem(
        sample_id=item.sample_id,
        modality=_modality(item.modality),
        uri=item.uri,
        object_uri=item.object_uri,
        segment=wire.encode_segment(item.segment) if item.segment else None,
        rejected=wire.encode_rejected(Rejected(item.gate, item.reason, item.score, item.threshold)),
        facts=encode_attributes(item.facts).fields,
        rejected_at=_timestamp(item.rejected_at),
    )


def wanted_modality(number: int, field: str) -> Modality | None:
    """A modality of a filter; None is any."""
    return None if number == media_pb2.MODALITY_UNSPECIFIED else wire.decode_modality(number, field)


def _part_status(part: PartStatus) -> sample_pb2.PartStatus:
    status = sample_pb2.PartStatus(
        modality=_modality(part.modality),
        uri=part.uri,
        segment=wire.encode_segment(part.segment) if part.segment else None,
        rejected=wire.encode_rejected(part.rejected) if part.rejected else None,
        failed=wire.encode_failed(part.failed) if part.failed else None,
    )
    if part.row_id:
        status.row_id = part.row_id
    return status


def _modality(name: str | None) -> media_pb2.Modality.ValueType:
    """Unspecified where nobody recognised it."""
    return wire.encode_modality(Modality(name) if name else None)


def _modalities(names: Iterable[str]) -> list[media_pb2.Modality.ValueType]:
    return [_modality(name) for name in names]


def _moment(timestamp: Timestamp, field: str) -> datetime:
    try:
        return timestamp.ToDatetime(UTC)
    except ValueError as error:
        raise bad_field(field, str(error), "a moment of the years 1 to 9999", "correct it") from error


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
