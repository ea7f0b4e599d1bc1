"""One delivery to its end: stored, quarantined, given back, or a dead letter; acknowledged last."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from tests.unit.runtimes.worker.conftest import Ground, an_envelope

from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.queue import Delivery, Envelope
from mmpipe.records import Failed, Modality, Rejected
from mmpipe.runtimes.stage_clients import StageRefused, StageUnavailable
from mmpipe.runtimes.worker.ledger import Ledger
from mmpipe.runtimes.worker.verdicts import Dead
from mmpipe.v1 import media_pb2, sample_pb2

REFUSED = StageRefused("text", "no such stage", "one", "add it")


def test_a_sample_is_stored_and_only_then_acknowledged(ground: Ground) -> None:
    ground.take(an_envelope())

    assert ground.states() == {"a": "stored"}
    assert ground.vectors.count() == 1
    assert not ground.queue.messages


def test_the_original_is_kept(ground: Ground) -> None:
    ground.take(an_envelope(text="kept"))

    stored = ground.metadata.reader.envelope_of("a")
    assert stored is not None
    assert ground.objects.get(stored.parts[0].sha256) == b"kept"


def test_the_same_sample_again_does_no_work(ground: Ground) -> None:
    ground.take(an_envelope())
    asked = len(ground.stages.asked)

    ground.take(Envelope(an_envelope().sample, an_envelope().accepted_at, redrives=1))

    assert len(ground.stages.asked) == asked
    assert not ground.queue.messages


def test_a_rejected_sample_is_quarantined(ground: Ground) -> None:
    ground.stages.outcomes[Modality.TEXT] = Rejected("text.clean.minCharacters", "too short")

    ground.take(an_envelope())

    assert ground.states() == {"a": "quarantined"}
    assert not ground.queue.messages


def test_a_released_sample_goes_past_its_gates(ground: Ground) -> None:
    ground.take(an_envelope())
    ground.take(an_envelope(text="other", ignore_gates=True))

    assert ground.stages.gates_ignored == [False, True]


def test_what_may_be_the_samples_own_doing_is_given_back(ground: Ground) -> None:
    ground.stages.outcomes[Modality.TEXT] = Failed("text.clean", "ValueError: x")

    ground.take(an_envelope())

    assert ground.states() == {}
    assert len(ground.queue.messages) == 1
    assert ground.vectors.count() == 0


def test_after_the_last_delivery_it_is_a_dead_letter(ground: Ground) -> None:
    ground.stages.outcomes[Modality.TEXT] = Failed("text.clean", "ValueError: x")
    ground.reliability = ground.reliability.model_copy(update={"max_deliveries": 1})

    ground.take(an_envelope())

    letter = _letter(ground)
    assert letter.stage == "text.clean"
    assert letter.attempts == 1
    assert letter.modalities == (Modality.TEXT,)
    assert Envelope.from_bytes(letter.envelope) == an_envelope()
    assert not ground.queue.messages


def test_a_letter_names_what_only_the_gateway_recognised(ground: Ground) -> None:
    envelope = an_envelope()
    envelope.sample.parts[0].ClearField("modality")

    async def scenario() -> None:
        await ground.queue.publish(envelope, "text", "a")
        (delivery,) = await ground.queue.pull("text", 1, 1)
        await Ledger(ground.metadata).bury(delivery, Dead("text.clean", "crashed"))

    asyncio.run(scenario())

    assert _letter(ground).modalities == (Modality.TEXT,)


def test_what_never_will_work_is_a_dead_letter_at_once(ground: Ground) -> None:
    ground.stages.faults["text"] = [REFUSED]

    ground.take(an_envelope())

    assert _letter(ground).stage == "text"


def test_a_sample_that_crashed_its_worker_too_often_is_not_tried_again(ground: Ground) -> None:
    async def scenario() -> None:
        first = await ground.delivered(an_envelope())
        assert await ground.queue.pull(first.lane, 1, 0) == []
        async with ground.courier() as courier:
            await courier.take(_AtAttempt(first, 6))

    asyncio.run(scenario())

    assert _letter(ground).reason.startswith("5 deliveries, none of which came to an end")
    assert ground.stages.asked == []


def test_a_service_that_is_away_is_waited_for_and_costs_no_delivery(ground: Ground) -> None:
    away = StageUnavailable("text", "connection refused", reached=False, retry_after_s=0.01)
    ground.stages.faults["text"] = [away] * 20

    delivery = ground.take(an_envelope())

    assert delivery.attempt == 1
    assert ground.states() == {"a": "stored"}
    assert ground.metadata.dead_letters.get("a") is None


def test_a_store_that_is_away_is_waited_for_without_doing_the_work_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmpipe.runtimes.worker.verdicts.WAIT_S", 0.01)
    away, upsert = [StoreUnreachable("milvus", "no answer", "one", "start it")] * 3, ground.vectors.upsert

    def flaky(rows: object) -> None:
        if away:
            raise away.pop()
        upsert(rows)  # type: ignore[arg-type]  # what the sink hands over

    monkeypatch.setattr(type(ground.vectors), "upsert", lambda _, rows: flaky(rows))
    ground.take(an_envelope())

    assert ground.states() == {"a": "stored"}
    assert len(ground.stages.asked) == 1


def test_a_worker_that_stops_while_it_waits_gives_the_sample_back_at_once(ground: Ground) -> None:
    ground.stages.faults["text"] = [StageUnavailable("text", "refused", reached=False, retry_after_s=60)]

    async def scenario() -> list[Delivery]:
        delivery = await ground.delivered(an_envelope())
        async with ground.courier() as courier:
            taking = asyncio.create_task(courier.take(delivery))
            asyncio.get_running_loop().call_later(0.2, ground.stopping.set)
            await taking
        return await ground.queue.pull(delivery.lane, 1, 1)

    (again,) = asyncio.run(scenario())
    assert again.attempt == 2


def test_a_degraded_sample_says_so_and_is_completed_when_it_is_sent_again(ground: Ground) -> None:
    ground.reliability = ground.reliability.model_copy(update={"when_unavailable": "Degrade"})
    ground.stages.faults["image"] = [StageUnavailable("image", "its breaker open", reached=False)]

    ground.take(_pair())
    degraded = ground.metadata.reader.status("a")
    ground.take(Envelope(_pair().sample, _pair().accepted_at, redrives=1))
    completed = ground.metadata.reader.status("a")

    assert degraded is not None
    assert completed is not None
    assert (degraded.state, degraded.degraded) == ("stored", ("image",))
    assert (completed.state, completed.degraded) == ("stored", ())
    assert {part.modality for part in completed.parts} == {"text", "image"}


def test_an_older_sample_that_comes_late_does_not_replace_a_newer_one(ground: Ground) -> None:
    newer = an_envelope(text="newer")
    ground.take(Envelope(newer.sample, newer.accepted_at.replace(hour=13)))

    ground.take(an_envelope(text="older"))

    stored = ground.metadata.reader.envelope_of("a")
    assert stored is not None
    assert [part.uri for part in stored.parts] == ["file:///newer"]
    assert not ground.queue.messages


def test_an_envelope_without_parts_is_a_dead_letter(ground: Ground) -> None:
    async def scenario() -> None:
        empty = Envelope(sample_pb2.Sample(id="a"), an_envelope().accepted_at)
        delivery = await ground.delivered(empty)
        async with ground.courier() as courier:
            await courier.take(delivery)

    asyncio.run(scenario())

    assert _letter(ground).stage == "envelope"


def test_bytes_of_another_size_than_was_said_are_quarantined(ground: Ground) -> None:
    content = b"a red bell"
    sha256 = hashlib.sha256(content).hexdigest()
    ground.objects.put(content, sha256)
    said = media_pb2.Reference(uri=f"object:{sha256}", sha256=sha256, size_bytes=len(content) + 1)
    part = sample_pb2.Part(modality=media_pb2.MODALITY_TEXT, media=media_pb2.Media(reference=said), uri="file:///a")

    ground.take(Envelope(sample_pb2.Sample(id="a", parts=[part]), an_envelope().accepted_at))

    status = ground.metadata.reader.status("a")
    assert status is not None
    assert status.state == "quarantined"
    assert status.parts[0].rejected is not None
    assert "found 10 bytes; expected the 11 that were said" in status.parts[0].rejected.reason


class _AtAttempt:
    """A delivery that says it is a later one."""

    def __init__(self, delivery: Delivery, attempt: int) -> None:
        self._delivery, self.attempt = delivery, attempt
        self.envelope, self.lane = delivery.envelope, delivery.lane

    async def ack(self) -> bool:
        return await self._delivery.ack()

    async def retry(self, after_s: float) -> None:
        await self._delivery.retry(after_s)

    async def extend(self) -> None:
        await self._delivery.extend()


def _letter(ground: Ground) -> DeadLetter:
    letter = ground.metadata.dead_letters.get("a")
    assert letter is not None
    return letter


def _pair() -> Envelope:
    text = an_envelope()
    image = sample_pb2.Part(
        modality=media_pb2.MODALITY_IMAGE,
        media=media_pb2.Media(content=b"GIF89a" + bytes(32), format="gif"),
        uri="file:///a.gif",
    )
    return Envelope(sample_pb2.Sample(id="a", parts=[*text.sample.parts, image]), text.accepted_at)
