"""A receipt means: durable in the queue, under one id, whatever the metadata do meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.runtimes.gateway.conftest import Ground, a_text

from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.metadata.status import Standing
from mmpipe.runtimes.gateway.acceptance import Door, accept
from mmpipe.runtimes.gateway.authentication import calling_as
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.recording import Recorder
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.spec.processes import Limits
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2, sample_pb2


def submit(ground: Ground, sample: sample_pb2.Sample, door: Door | None = None) -> gateway_pb2.Receipt:
    return asyncio.run(accept(door or ground.door(), sample))


def test_an_accepted_sample_is_in_the_lane_of_its_modalities(ground: Ground, picture: bytes) -> None:
    sample = a_text("a red bell", "bell")
    sample.parts.add().media.content = picture

    receipt = submit(ground, sample)

    assert (receipt.sample_id, receipt.duplicate) == ("bell", False)
    assert [queued.id for queued in asyncio.run(ground.queued("text-image"))] == ["bell"]


def test_the_envelope_says_who_sent_it_and_when(ground: Ground) -> None:
    async def submitted() -> None:
        with calling_as("acme"):
            await accept(ground.door(), a_text("a red bell", "bell"))
        (delivery,) = await ground.queue.pull("text", 1, 0.0)
        assert (delivery.envelope.tenant, delivery.envelope.accepted_at) == ("acme", ground.moment)

    asyncio.run(submitted())


def test_a_sample_without_an_id_gets_the_same_one_each_time(ground: Ground) -> None:
    first, second = (submit(ground, a_text("a red bell")) for _ in range(2))

    assert first.sample_id == second.sample_id
    assert (first.duplicate, second.duplicate) == (False, True)
    assert len(ground.queue.messages) == 1


def test_new_content_under_an_id_is_no_duplicate(ground: Ground) -> None:
    submit(ground, a_text("a red bell", "bell"))

    receipt = submit(ground, a_text("a blue bell", "bell"))

    assert not receipt.duplicate
    assert len(ground.queue.messages) == 2


def test_content_that_came_before_other_content_of_the_id_is_queued_again(ground: Ground) -> None:
    door = ground.door()
    for text in ("red", "blue"):
        submit(ground, a_text(text, "bell"), door)
        ground.moment += timedelta(seconds=1)

    receipt = submit(ground, a_text("red", "bell"), door)

    assert not receipt.duplicate
    queued = [sample.parts[0].media.text for sample in asyncio.run(ground.queued())]
    assert queued == ["red", "blue", "red"]


def test_a_sample_that_died_is_queued_again_when_it_is_sent_again(ground: Ground) -> None:
    submit(ground, a_text("a red bell", "bell"))
    ground.metadata.dead_letters.put(a_letter("bell", ground.moment))
    ground.moment += timedelta(seconds=1)

    receipt = submit(ground, a_text("a red bell", "bell"))

    assert not receipt.duplicate
    assert len(ground.queue.messages) == 2


def a_letter(sample_id: str, moment: datetime) -> DeadLetter:
    return DeadLetter(sample_id, b"", "text", (), "sink", "no", 5, 0, "", moment, moment, moment)


def test_an_accepted_sample_is_known_as_queued_at_once(ground: Ground) -> None:
    submit(ground, a_text("a red bell", "bell"))

    status = ground.metadata.reader.status("bell")

    assert status is not None
    assert (status.state, status.accepted_at) == (Standing.QUEUED, ground.moment)


def test_a_sample_is_accepted_while_the_metadata_are_down(ground: Ground) -> None:
    def down(_: object) -> None:
        raise StoreUnreachable("metadata", "nothing", "an answer", "start it")

    async def submitted() -> gateway_pb2.Receipt:
        recorder = Recorder(down, retry_s=0.01)
        door = ground.door()
        receipt = await accept(replace(door, recorder=recorder), a_text("a red bell", "bell"))
        await recorder.close()
        return receipt

    receipt = asyncio.run(submitted())

    assert receipt.sample_id == "bell"
    assert len(ground.queue.messages) == 1


def test_a_duplicate_is_not_believed_while_the_metadata_are_down(ground: Ground) -> None:
    def down() -> Metadata:
        raise StoreUnreachable("metadata", "nothing", "an answer", "start it")

    submit(ground, a_text("a red bell", "bell"))
    ground.moment += timedelta(seconds=1)
    blind = replace(ground.door(), metadata=Store(Dependency("metadata"), down))

    receipt = submit(ground, a_text("a red bell", "bell"), blind)

    assert not receipt.duplicate
    assert len(ground.queue.messages) == 2


def test_a_queue_that_is_down_is_said_so_and_nothing_is_recorded(ground: Ground) -> None:
    ground.queue.reachable = False

    with pytest.raises(Refusal) as refused:
        submit(ground, a_text("a red bell", "bell"))

    fault = refused.value.fault
    assert (fault.reason, fault.metadata) == (error_pb2.REASON_DEPENDENCY_DOWN, {"dependency": "queue"})
    assert ground.metadata.reader.status("bell") is None


def test_a_full_queue_says_when_to_send_again(ground: Ground) -> None:
    ground.queue.max_messages = 0

    with pytest.raises(Refusal) as refused:
        submit(ground, a_text("a red bell", "bell"))

    assert refused.value.fault.reason == error_pb2.REASON_QUEUE_FULL
    assert refused.value.fault.retry_after_s


def test_large_media_wait_in_the_object_store(ground: Ground) -> None:
    words = b"a red bell " * 30_000
    sample = a_text("", "bell")
    sample.parts[0].media.content = words
    sample.parts[0].media.ClearField("text")
    digest = hashlib.sha256(words).hexdigest()
    sample.parts[0].media.content = words

    submit(ground, sample)

    (queued,) = asyncio.run(ground.queued())
    assert queued.parts[0].media.reference.uri == f"object:{digest}"
    assert queued.parts[0].modality == media_pb2.MODALITY_TEXT
    assert ground.objects.get(digest) == words


def test_the_ids_of_samples_do_not_depend_on_whether_their_media_moved(ground: Ground) -> None:
    words = "a red bell " * 30_000
    digest = hashlib.sha256(words.encode()).hexdigest()
    ground.objects.put(words.encode(), digest)
    reference = media_pb2.Reference(uri=f"object:{digest}", sha256=digest)
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(reference=reference, format="txt"))
    inline = a_text(words)
    inline.parts[0].modality = media_pb2.MODALITY_TEXT

    first = submit(ground, inline)
    second = submit(ground, sample_pb2.Sample(parts=[part]))

    assert first.sample_id == second.sample_id


def test_an_own_reference_to_nothing_is_refused(ground: Ground) -> None:
    reference = media_pb2.Reference(uri=f"object:{'ab' * 32}", sha256="ab" * 32, size_bytes=7)
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(reference=reference, format="txt"))

    with pytest.raises(Refusal) as refused:
        submit(ground, sample_pb2.Sample(id="bell", parts=[part]))

    assert refused.value.fault.field == "sample.parts[0].media.reference"


def test_originals_of_a_sample_on_its_way_are_known_so_that_nobody_deletes_them(ground: Ground) -> None:
    ground.objects.put(b"a red bell", digest := hashlib.sha256(b"a red bell").hexdigest())
    reference = media_pb2.Reference(uri=f"object:{digest}", sha256=digest, size_bytes=10)
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(reference=reference, format="txt"))
    recorded: list[tuple[str, ...]] = []

    async def submitted() -> None:
        recorder = Recorder(lambda batch: recorded.extend(each.originals for each in batch))
        await accept(replace(ground.door(), recorder=recorder), sample_pb2.Sample(id="bell", parts=[part]))

    asyncio.run(submitted())

    assert recorded == [(digest,)]


def test_too_fast_and_too_large_are_refused_before_anything_is_done(ground: Ground) -> None:
    door = ground.door(Limits(samples_per_second=1, max_sample_bytes=100))
    submit(ground, a_text("first", "a"), door)

    for sample, reason in (
        (a_text("x" * 200, "b"), error_pb2.REASON_TOO_LARGE),
        (a_text("second", "b"), error_pb2.REASON_RATE_LIMITED),
    ):
        with pytest.raises(Refusal) as refused:
            submit(ground, sample, door)
        assert refused.value.fault.reason == reason

    assert len(ground.queue.messages) == 1


def test_a_moment_is_kept_to_the_microsecond_through_the_queue(ground: Ground) -> None:
    ground.moment = datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)

    submit(ground, a_text("a red bell", "bell"))

    status = ground.metadata.reader.status("bell")
    assert status is not None
    assert status.accepted_at == ground.moment
