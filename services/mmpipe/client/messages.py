"""Requests and answers: every call of the gateway as data, and its answer as records. Pure; no gRPC.

An :class:`Ask` is a method, its request, and how its answer reads. The clients only carry asks (``client`` and
``aclient``), so that what is said is said once. ``samples`` makes samples out of what a caller hands in.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
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
    DeadLetterFilter,
    Deleted,
    Hit,
    PartStatus,
    QuarantinedItem,
    Receipt,
    Redrive,
    SampleState,
    SampleStatus,
    Stored,
)
from mmpipe.client.samples import QueryMedia, part_of
from mmpipe.errors import MmpipeError
from mmpipe.records import Failed, Modality, Reference, Rejected, Sample, Segment
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2, sample_pb2

PAGE = 1_000

_STATES = {
    sample_pb2.SAMPLE_STATE_QUEUED: SampleState.QUEUED,
    sample_pb2.SAMPLE_STATE_PENDING: SampleState.PENDING,
    sample_pb2.SAMPLE_STATE_STORED: SampleState.STORED,
    sample_pb2.SAMPLE_STATE_QUARANTINED: SampleState.QUARANTINED,
    sample_pb2.SAMPLE_STATE_DEAD: SampleState.DEAD,
}


class QueryError(MmpipeError):
    """A query with nothing in it."""


@dataclass(frozen=True, slots=True)
class Ask[Result]:
    """One call: the ``method`` of GatewayService, its ``request``, and what ``read`` makes of each message it answers.

    Its own messages stay untyped here: the generated stub ties a method to both, and only this module sees them.
    """

    method: str
    request: Any
    read: Callable[[Any], Result]


@dataclass(frozen=True, slots=True)
class Page[Entry]:
    """Some entries of a list, and the token of the next page; empty on the last one."""

    entries: tuple[Entry, ...]
    next_token: str


def submit(sample: Sample) -> Ask[Receipt]:
    """Accept one sample."""
    request = gateway_pb2.SubmitRequest(sample=wire.encode_sample(sample))
    return Ask("Submit", request, lambda answer: receipt_of(answer.receipt))


def upload() -> Ask[Reference]:
    """Put a medium into the object store; its requests are those of ``uploads``."""
    return Ask("Upload", None, lambda answer: _reference(answer.reference))


def sample(sample_id: str) -> Ask[SampleStatus]:
    """What is known about a sample."""
    request = gateway_pb2.GetSampleRequest(sample_id=sample_id)
    return Ask("GetSample", request, lambda answer: status_of(answer.status))


def watch(sample_id: str) -> Ask[SampleStatus]:
    """The same whenever it changes."""
    request = gateway_pb2.WatchSampleRequest(sample_id=sample_id)
    return Ask("WatchSample", request, lambda answer: status_of(answer.status))


def query_of(text: str, media: QueryMedia) -> Sample:
    """What is asked, as a sample. Raises QueryError where nothing is, InputError for a bad file."""
    texts = [part_of(Modality.TEXT, text)] if text else []
    given: Mapping[str, Any] = media
    others = [part_of(Modality(name), value) for name, value in given.items() if value is not None]
    if not (texts or others):
        raise QueryError("query: found nothing; expected a text or a medium; give a text, image=, audio=, ...")
    return Sample("", (*texts, *others))


def search(asked: Sample, *, top: int, into: Sequence[str], where: str) -> Ask[Answer]:
    """The stored samples nearest to a query."""
    query = wire.encode_sample(asked).parts
    request = gateway_pb2.SearchRequest(query=query, top=top, modalities=into, where=where)
    return Ask("Search", request, _answer)


def dead_letters(wanted: DeadLetterFilter, token: str, size: int = PAGE) -> Ask[Page[DeadLetter]]:
    """A page of the samples that were given up."""
    request = gateway_pb2.ListDeadLettersRequest(filter=_filter(wanted), page_size=size, page_token=token)
    return Ask("ListDeadLetters", request, lambda answer: _page(answer.dead_letters, _dead_letter, answer))


def redrive(wanted: DeadLetterFilter, *, rate: float, dry_run: bool, max_redrives: int) -> Ask[Redrive]:
    """Put dead letters into the queue again."""
    request = gateway_pb2.RedriveDeadLettersRequest(
        filter=_filter(wanted), rate=rate, dry_run=dry_run, max_redrives=max_redrives
    )
    return Ask("RedriveDeadLetters", request, lambda one: Redrive(one.sample_id, one.redriven, one.reason))


def quarantined(
    sample_id: str, gate: str, modality: Modality | None, token: str, size: int = PAGE
) -> Ask[Page[QuarantinedItem]]:
    """A page of what gates rejected."""
    request = gateway_pb2.ListQuarantineRequest(
        sample_id=sample_id,
        gate=gate,
        modality=wire.encode_modality(modality),
        page_size=size,
        page_token=token,
    )
    return Ask("ListQuarantine", request, lambda answer: _page(answer.items, _quarantined_item, answer))


def release(sample_id: str) -> Ask[Receipt]:
    """Let a sample in whatever its gates say."""
    request = gateway_pb2.ReleaseQuarantineRequest(sample_id=sample_id)
    return Ask("ReleaseQuarantine", request, lambda answer: receipt_of(answer.receipt))


def delete(sample_id: str) -> Ask[Deleted]:
    """Forget a sample."""
    request = gateway_pb2.DeleteSampleRequest(sample_id=sample_id)
    return Ask("DeleteSample", request, lambda answer: Deleted(answer.vectors, answer.originals))


def accepted(receipt: Receipt) -> Receipt:
    """The receipt of a sample that was handed in alone. Raises its error."""
    if receipt.error is not None:
        raise receipt.error
    return receipt


def changes(statuses: Iterable[SampleStatus]) -> Iterator[SampleStatus]:
    """Each status that differs from the one before: a stream that was taken up again begins with a known one."""
    last: SampleStatus | None = None
    for status in statuses:
        if status != last:
            yield status
        last = status


async def achanges(statuses: AsyncIterable[SampleStatus]) -> AsyncIterator[SampleStatus]:
    """The same of an asynchronous stream."""
    last: SampleStatus | None = None
    async for status in statuses:
        if status != last:
            yield status
        last = status


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


def _answer(message: gateway_pb2.SearchResponse) -> Answer:
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


def _filter(wanted: DeadLetterFilter) -> gateway_pb2.DeadLetterFilter:
    return gateway_pb2.DeadLetterFilter(
        sample_ids=wanted.sample_ids,
        stage=wanted.stage,
        reason_contains=wanted.reason,
        modality=wire.encode_modality(wanted.modality),
        since=_stamp(wanted.since),
        until=_stamp(wanted.until),
    )


def _page[Message, Entry](messages: Sequence[Message], read: Callable[[Message], Entry], answer: Any) -> Page[Entry]:  # noqa: ANN401  # either list's answer
    return Page(tuple(read(message) for message in messages), answer.next_page_token)


def _dead_letter(message: gateway_pb2.DeadLetter) -> DeadLetter:
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


def _quarantined_item(message: gateway_pb2.QuarantinedItem) -> QuarantinedItem:
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


def _reference(message: media_pb2.Reference) -> Reference:
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


def _stamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp
