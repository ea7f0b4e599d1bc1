"""How a sample becomes durable: checked, named, its large media put aside, queued, recorded, and only then receipted.

::

    validation ─▶ own references there? ─▶ naming ─▶ claim check ─▶ queue: durable ack ─▶ recording ─▶ receipt
        pure            objects             pure       objects           NATS               metadata

The acknowledgement of the queue is the promise. What comes after it may fail and takes nothing back; what comes before
it may be repeated, so that a client that got no receipt sends again and the queue keeps one of the two.

A duplicate is believed only where the metadata know that this content was the last one accepted under this id, and that
it is not dead: the queue remembers what it got for a while, but not what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mmpipe import telemetry
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.acceptances import Acceptance
from mmpipe.adapters.metadata.status import Standing
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.queue.envelope import CLAIM_CHECK_BYTES, Envelope, claim_check
from mmpipe.adapters.queue.protocol import Lane, lane_of
from mmpipe.records import Reference
from mmpipe.runtimes.gateway import naming
from mmpipe.runtimes.gateway.authentication import tenant
from mmpipe.runtimes.gateway.faults import Refusal, bad_field
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.runtimes.gateway.queueing import GuardedQueue
from mmpipe.runtimes.gateway.recording import Recorder
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.gateway.validation import Checked, checked, light
from mmpipe.v1 import gateway_pb2, sample_pb2


@dataclass(frozen=True, slots=True)
class Door:
    """What a sample passes on its way in. ``schemes`` are those of URIs that are fetched; ``now`` is the time in UTC.

    ``system`` is what telemetry calls the queue: ``nats`` or ``memory``.
    """

    queue: GuardedQueue
    objects: Store[Objects]
    metadata: Store[Metadata]
    recorder: Recorder
    limits: TenantLimits
    schemes: Sequence[str]
    now: Callable[[], datetime]
    system: str = "nats"


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked sample, and on what occasion it comes: submitted (empty), or released from quarantine.

    ``after`` is an acceptance that it replaces, whatever the clocks of two replicas say. ``stream`` is the traceparent
    of the stream that brought it, empty where it has a call of its own.
    """

    checked: Checked
    occasion: str = ""
    ignore_gates: bool = False
    after: datetime | None = None
    stream: str = ""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A sample on its way to the queue: under its id, without its large media. ``digest`` says what it is."""

    sample: sample_pb2.Sample
    lane: Lane
    digest: str
    submission: Submission
    originals: tuple[str, ...] = ()


async def accept(
    door: Door, message: sample_pb2.Sample, place: str = "sample", stream: str = ""
) -> gateway_pb2.Receipt:
    """The receipt of one sample that is durable now; ``place`` is its path in the request.

    Raises Refusal or WireError, and then it may or may not be durable: sending it again is safe.
    """
    size_bytes = message.ByteSize()
    try:
        door.limits.check_sample(size_bytes, place)
        door.limits.admit(tenant(), 1, size_bytes)
        found = await _aside(size_bytes, lambda: checked(message, door.schemes, place))
        return await submit(door, Submission(found, stream=stream))
    except Exception:
        telemetry.count("mmpipe.accepted", 1, outcome="refused")
        raise


async def submit(door: Door, submission: Submission) -> gateway_pb2.Receipt:
    """The receipt of a sample that was checked. Raises as :func:`accept`."""
    await _check_own(door, submission.checked)
    arrival = await _arrive(door, submission)
    duplicate = await _make_durable(door, arrival)
    telemetry.count("mmpipe.accepted", 1, outcome="duplicate" if duplicate else "accepted")
    return gateway_pb2.Receipt(sample_id=arrival.sample.id, duplicate=duplicate)


async def _check_own(door: Door, found: Checked) -> None:
    """Whether the pipeline's own objects that the sample refers to are there."""
    for place, reference in found.own:
        if not await door.objects.ask(partial(_is_there, reference)):
            remedy = "upload the medium and send the reference that Upload answers"
            raise bad_field(place, f"no such object of {reference.size_bytes:,} bytes", "one that is there", remedy)


def _is_there(own: Reference, objects: Objects) -> bool:
    return objects.exists(own.sha256, own.size_bytes or None)


async def _arrive(door: Door, submission: Submission) -> _Arrival:
    """The sample named, and its large media in the object store."""
    message, sample = submission.checked.message, submission.checked.sample
    size_bytes = message.ByteSize()
    content = await _aside(size_bytes, lambda: naming.content_of(message, sample))
    message.id = message.id or naming.derived_id(content)
    lane = lane_of(part.modality for part in sample.parts)
    kept = message
    if size_bytes > CLAIM_CHECK_BYTES:
        kept = await door.objects.ask(lambda objects: claim_check(light(submission.checked), objects.put))
    digest = naming.submission("", content, "released") if submission.ignore_gates else content
    return _Arrival(kept, lane, digest, submission, _originals(kept))


def _originals(sample: sample_pb2.Sample) -> tuple[str, ...]:
    """The own objects that the envelope refers to: nobody deletes them while it is on its way."""
    references = (part.media.reference for part in sample.parts if part.media.WhichOneof("source") == "reference")
    return tuple(reference.sha256 for reference in references if reference.uri.startswith("object:"))


async def _make_durable(door: Door, arrival: _Arrival) -> bool:
    """Into the queue and the records; whether it was there already."""
    sample_id, stream = arrival.sample.id, arrival.submission.stream
    with telemetry.span(
        "mmpipe.gateway.accept",
        root=bool(stream),
        links=(stream,) if stream else (),
        sample_id=sample_id,
        messaging_system=door.system,
        messaging_operation_type="send",
    ) as span:
        envelope = Envelope(
            sample=arrival.sample,
            accepted_at=_moment(door, arrival.submission),
            tenant=tenant(),
            traceparent=span.traceparent,
            ignore_gates=arrival.submission.ignore_gates,
        )
        if await _publish(door, envelope, arrival):
            return True
        await door.recorder.record(_acceptance(envelope, arrival))
        return False


def _moment(door: Door, submission: Submission) -> datetime:
    return max(door.now(), submission.after + timedelta(microseconds=1)) if submission.after else door.now()


async def _publish(door: Door, envelope: Envelope, arrival: _Arrival) -> bool:
    """Whether it is a duplicate, and one to believe."""
    sample_id, occasion = arrival.sample.id, arrival.submission.occasion
    dedupe_id = naming.submission(sample_id, arrival.digest, occasion)
    published = await door.queue.publish(envelope, arrival.lane, dedupe_id)
    if not published.duplicate:
        return False
    if await _is_underway(door, sample_id, arrival.digest):
        return True
    again = naming.submission(sample_id, arrival.digest, f"{occasion} {envelope.accepted_at.isoformat()}")
    await door.queue.publish(envelope, arrival.lane, again)
    return False


async def _is_underway(door: Door, sample_id: str, digest: str) -> bool:
    """Whether this content is the last one accepted under this id, and still wanted; where nobody knows, it is not."""
    try:
        return await door.metadata.ask(lambda metadata: _last_accepted(metadata, sample_id) == digest)
    except Refusal:
        return False


def _last_accepted(metadata: Metadata, sample_id: str) -> str:
    """The digest of the sample's last submission; empty where there is none or it died."""
    acceptance = metadata.acceptances.of([sample_id]).get(sample_id)
    status = metadata.reader.status(sample_id)
    if acceptance is None or status is None or status.state is Standing.DEAD:
        return ""
    return acceptance.digest


def _acceptance(envelope: Envelope, arrival: _Arrival) -> Acceptance:
    return Acceptance(
        sample_id=arrival.sample.id,
        accepted_at=envelope.accepted_at,
        tenant=envelope.tenant,
        digest=arrival.digest,
        lane=arrival.lane,
        originals=arrival.originals,
    )


async def _aside[T](size_bytes: int, work: Callable[[], T]) -> T:
    """The digests of a large sample take milliseconds: in a thread, so that the others need not wait."""
    return await asyncio.to_thread(work) if size_bytes > CLAIM_CHECK_BYTES else work()
