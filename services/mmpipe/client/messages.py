"""Requests: every call of the gateway as data. Pure; no gRPC.

An :class:`Ask` is a method, its request, and how its answer reads. The clients only carry asks (``client`` and
``aclient``), so that what is said is said once. ``answers`` reads; ``samples`` makes samples out of what a caller hands
in.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from mmpipe.adapters import wire
from mmpipe.client.answers import (
    Page,
    answer_of,
    dead_letter_of,
    page_of,
    quarantined_item_of,
    receipt_of,
    reference_of,
    status_of,
)
from mmpipe.client.records import (
    Answer,
    DeadLetter,
    DeadLetterFilter,
    Deleted,
    QuarantinedItem,
    Receipt,
    Redrive,
    SampleStatus,
)
from mmpipe.client.samples import QueryMedia, part_of
from mmpipe.errors import MmpipeError
from mmpipe.records import Modality, Reference, Sample
from mmpipe.v1 import gateway_pb2

PAGE = 1_000


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


def submit(sample: Sample) -> Ask[Receipt]:
    """Accept one sample."""
    request = gateway_pb2.SubmitRequest(sample=wire.encode_sample(sample))
    return Ask("Submit", request, lambda answer: receipt_of(answer.receipt))


def upload() -> Ask[Reference]:
    """Put a medium into the object store; its requests are those of ``uploads``."""
    return Ask("Upload", None, lambda answer: reference_of(answer.reference))


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
    return Ask("Search", request, answer_of)


def dead_letters(wanted: DeadLetterFilter, token: str, size: int = PAGE) -> Ask[Page[DeadLetter]]:
    """A page of the samples that were given up."""
    request = gateway_pb2.ListDeadLettersRequest(filter=_filter(wanted), page_size=size, page_token=token)
    return Ask("ListDeadLetters", request, lambda answer: page_of(answer.dead_letters, dead_letter_of, answer))


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
    return Ask("ListQuarantine", request, lambda answer: page_of(answer.items, quarantined_item_of, answer))


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


def _filter(wanted: DeadLetterFilter) -> gateway_pb2.DeadLetterFilter:
    return gateway_pb2.DeadLetterFilter(
        sample_ids=wanted.sample_ids,
        stage=wanted.stage,
        reason_contains=wanted.reason,
        modality=wire.encode_modality(wanted.modality),
        since=_stamp(wanted.since),
        until=_stamp(wanted.until),
    )


def _stamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp
