"""Answers: the messages of a gateway as records. Pure; ``messages`` says which answer belongs to which request.

What only a newer gateway knows (a state, a modality) is passed over, never an error: a client outlives releases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from mmpipe.adapters import wire
from mmpipe.adapters.wire.facts import decode_attributes
from mmpipe.client.errors import GatewayError, error_of
from mmpipe.client.records import (
    Answer,
    DeadLetter,
    Hit,
    PartStatus,
    QuarantinedItem,
    Receipt,
    SampleState,
    SampleStatus,
    Stored,
)
from mmpipe.records import Failed, Modality, Reference, Rejected, Segment
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2, sample_pb2

_STATES = {
    sample_pb2.SAMPLE_STATE_QUEUED: SampleState.QUEUED,
    sample_pb2.SAMPLE_STATE_PENDING: SampleState.PENDING,
    sample_pb2.SAMPLE_STATE_STORED: SampleState.STORED,
    sample_pb2.SAMPLE_STATE_QUARANTINED: SampleState.QUARANTINED,
    sample_pb2.SAMPLE_STATE_DEAD: SampleState.DEAD,
}


@dataclass(frozen=True, slots=True)
class Page[Entry]:
    """Some entries of a list, and the token of the next page; empty on the last one."""

    entries: tuple[Entry, ...]
    next_token: str


def receipt_of(message: gateway_pb2.Receipt) -> Receipt:
    """What became of a sample at the door."""
    error = fault_of(message.error) if message.HasField("error") else None
    return Receipt(message.sample_id, message.duplicate, error)


def fault_of(message: error_pb2.Fault) -> GatewayError:
    """The fault of one sample of a pack, as the exception that a call of its own would have raised."""
    name = error_pb2.Reason.Name(message.reason) if message.reason in error_pb2.Reason.values() else ""
    after = message.retry_after.ToNanoseconds() / 1e9 if message.HasField("retry_after") else None
    reason = name.removeprefix("REASON_")
    return error_of(message.message, reason=reason, field=message.field, retry_after_s=after)


def status_of(message: sample_pb2.SampleStatus) -> SampleStatus:
    """What is known about a sample; a state that this client does not know is as good as queued."""
    return SampleStatus(
        sample_id=message.sample_id,
        state=_STATES.get(message.state, SampleState.QUEUED),
        accepted_at=_moment(message, "accepted_at"),
        written_at=_moment(message, "written_at"),
        parts=tuple(_part_status(part) for part in message.parts),
        weights=dict(message.weights),
        missing=_modalities(message.missing),
        degraded=_modalities(message.degraded),
        alignment_confidence=message.alignment_confidence if message.HasField("alignment_confidence") else None,
        reason=message.reason,
    )


def _part_status(message: sample_pb2.PartStatus) -> PartStatus:
    return PartStatus(_modality(message.modality), message.uri, _segment(message), _fate(message))


def _fate(message: sample_pb2.PartStatus) -> Stored | Rejected | Failed | None:
    match message.WhichOneof("outcome"):
        case "row_id":
            return Stored(message.row_id)
        case "rejected":
            return wire.decode_rejected(message.rejected, "rejected")
        case "failed":
            return wire.decode_failed(message.failed, "failed")
    return None


def answer_of(message: gateway_pb2.SearchResponse) -> Answer:
    """What a search found."""
    return Answer(tuple(_hit(hit) for hit in message.hits), message.generation, message.model, message.cached)


def _hit(message: gateway_pb2.Hit) -> Hit:
    return Hit(
        score=message.score,
        sample_id=message.sample_id,
        modality=message.modality,
        uri=message.uri,
        segment=_segment(message),
        attributes=decode_attributes(message.attributes, "attributes"),
    )


def page_of[Message, Entry](messages: Sequence[Message], read: Callable[[Message], Entry], answer: Any) -> Page[Entry]:  # noqa: ANN401  # either list's answer
    """A page of a list."""
    return Page(tuple(read(message) for message in messages), answer.next_page_token)


def dead_letter_of(message: gateway_pb2.DeadLetter) -> DeadLetter:
    """A sample that was given up."""
    return DeadLetter(
        sample_id=message.sample_id,
        stage=message.stage,
        reason=message.reason,
        attempts=message.attempts,
        redrives=message.redrives,
        trace_id=message.trace_id,
        first_seen=_moment(message, "first_seen"),
        last_seen=_moment(message, "last_seen"),
        modalities=_modalities(message.modalities),
    )


def quarantined_item_of(message: gateway_pb2.QuarantinedItem) -> QuarantinedItem:
    """An item that a gate rejected."""
    return QuarantinedItem(
        sample_id=message.sample_id,
        modality=_modality(message.modality),
        uri=message.uri,
        object_uri=message.object_uri,
        segment=_segment(message),
        rejected=wire.decode_rejected(message.rejected, "rejected"),
        facts=wire.decode_facts(message.facts, "facts"),
        rejected_at=_moment(message, "rejected_at"),
    )


def reference_of(message: media_pb2.Reference) -> Reference:
    """Where an uploaded medium lies."""
    return Reference(message.uri, message.sha256, message.size_bytes)


def _modality(number: int) -> Modality | None:
    """None for what was not recognised, and for what only a newer gateway knows."""
    return _MODALITIES.get(number)


def _modalities(numbers: Sequence[int]) -> tuple[Modality, ...]:
    return tuple(modality for number in numbers if (modality := _modality(number)) is not None)


_MODALITIES: dict[int, Modality] = {int(wire.encode_modality(modality)): modality for modality in Modality}


def _segment(message: sample_pb2.PartStatus | gateway_pb2.Hit | gateway_pb2.QuarantinedItem) -> Segment | None:
    return Segment(message.segment.start_s, message.segment.end_s) if message.HasField("segment") else None


def _moment(message: Any, field: str) -> datetime | None:  # noqa: ANN401  # any message with timestamps
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(UTC)
