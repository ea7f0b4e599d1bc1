"""Letters come by pages, and go back into the queue slowly, once, and not for ever."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.unit.runtimes.gateway.conftest import Ground, a_text

from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.records import Modality
from mmpipe.runtimes.gateway.dead_letters import DeadLetters
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2


@dataclass(slots=True)
class Desk:
    """The dead letters of a pipeline under test, and the pauses that a redrive took."""

    ground: Ground
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    pauses: list[float] = field(default_factory=list)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def letters(self) -> DeadLetters:
        metadata = self.ground.store("metadata", self.ground.metadata)
        return DeadLetters(metadata, self.ground.guarded(), self.stopping, self._sleep)

    def page(self, **request: object) -> gateway_pb2.ListDeadLettersResponse:
        return asyncio.run(self.letters.page(gateway_pb2.ListDeadLettersRequest(**request)))  # type: ignore[arg-type]  # its fields

    def redrive(self, **request: object) -> list[gateway_pb2.RedriveDeadLettersResponse]:
        async def collect() -> list[gateway_pb2.RedriveDeadLettersResponse]:
            message = gateway_pb2.RedriveDeadLettersRequest(**request)  # type: ignore[arg-type]  # its fields
            return [done async for done in self.letters.redrive(message)]

        return asyncio.run(collect())


@pytest.fixture
def desk(ground: Ground) -> Desk:
    return Desk(ground)


def bury(ground: Ground, name: str, *, age_s: float = 0, redrives: int = 0, stage: str = "image.decode") -> None:
    moment = ground.moment - timedelta(seconds=age_s)
    envelope = Envelope(a_text(name, name), moment, "acme", redrives=redrives)
    letter = DeadLetter(
        sample_id=name,
        envelope=envelope.to_bytes(),
        lane="text",
        modalities=(Modality.TEXT,),
        stage=stage,
        reason=f"crashed over {name}",
        attempts=5,
        redrives=redrives,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        accepted_at=moment,
        first_seen=moment,
        last_seen=moment,
    )
    ground.metadata.dead_letters.put(letter)


def test_letters_come_by_pages_newest_first(desk: Desk) -> None:
    for age in range(5):
        bury(desk.ground, f"letter-{age}", age_s=age)

    first = desk.page(page_size=3)
    second = desk.page(page_size=3, page_token=first.next_page_token)

    listed = [letter.sample_id for page in (first, second) for letter in page.dead_letters]
    assert listed == [f"letter-{age}" for age in range(5)]
    assert (first.total, second.next_page_token) == (5, "")


def test_a_letter_tells_what_a_person_needs_to_decide(desk: Desk) -> None:
    bury(desk.ground, "bell", redrives=1)

    (letter,) = desk.page().dead_letters

    assert (letter.stage, letter.reason, letter.attempts, letter.redrives) == (
        "image.decode",
        "crashed over bell",
        5,
        1,
    )
    assert letter.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert list(letter.modalities) == [media_pb2.MODALITY_TEXT]


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        ({"sample_ids": ["a"]}, ["a"]),
        ({"stage": "sink"}, ["b"]),
        ({"reason_contains": "over b"}, ["b"]),
        ({"modality": media_pb2.MODALITY_TEXT}, ["a", "b"]),
        ({"modality": media_pb2.MODALITY_IMAGE}, []),
    ],
)
def test_only_letters_that_fit_are_listed(desk: Desk, fits: dict[str, object], expected: list[str]) -> None:
    bury(desk.ground, "a")
    bury(desk.ground, "b", age_s=1, stage="sink")

    page = desk.page(filter=gateway_pb2.DeadLetterFilter(**fits))  # type: ignore[arg-type]  # its fields

    assert [letter.sample_id for letter in page.dead_letters] == expected


@pytest.mark.parametrize(
    ("request_", "field_name"), [({"page_size": 1001}, "page_size"), ({"page_token": "made up"}, "page_token")]
)
def test_a_page_that_cannot_be_is_refused(desk: Desk, request_: dict[str, object], field_name: str) -> None:
    with pytest.raises(Refusal) as refused:
        desk.page(**request_)

    assert (refused.value.fault.reason, refused.value.fault.field) == (error_pb2.REASON_BAD_FIELD, field_name)


def test_a_redriven_sample_is_in_its_lane_again_and_its_letter_is_gone(desk: Desk) -> None:
    bury(desk.ground, "bell", redrives=1)

    (done,) = desk.redrive()

    assert (done.sample_id, done.redriven, done.reason) == ("bell", True, "")
    (delivery,) = asyncio.run(desk.ground.queue.pull("text", 10, 0.0))
    envelope = delivery.envelope
    assert (envelope.redrives, envelope.tenant, envelope.accepted_at) == (2, "acme", desk.ground.moment)
    assert desk.page().total == 0


def test_a_redrive_keeps_to_its_rate(desk: Desk) -> None:
    for name in "abc":
        bury(desk.ground, name)

    desk.redrive(rate=4.0)

    assert desk.pauses == [0.25] * 3


def test_a_dry_run_says_what_would_be_done_and_does_nothing(desk: Desk) -> None:
    bury(desk.ground, "a")
    bury(desk.ground, "b", redrives=3)

    done = {each.sample_id: each.redriven for each in desk.redrive(dry_run=True)}

    assert done == {"a": True, "b": False}
    assert (len(desk.ground.queue.messages), desk.page().total, desk.pauses) == (0, 2, [])


def test_what_was_redriven_often_enough_is_left_alone_unless_more_is_asked(desk: Desk) -> None:
    bury(desk.ground, "bell", redrives=3)

    (left,) = desk.redrive()
    assert not left.redriven
    assert "redriven 3 times" in left.reason
    assert desk.page().total == 1

    (done,) = desk.redrive(max_redrives=4)
    assert done.redriven


def test_a_redrive_goes_through_more_letters_than_a_page_holds(desk: Desk) -> None:
    for at in range(205):
        bury(desk.ground, f"letter-{at}", age_s=at)

    assert len(desk.redrive()) == 205
    assert len(desk.ground.queue.messages) == 205


def test_a_redrive_that_was_broken_off_before_the_letter_went_queues_it_once(desk: Desk) -> None:
    bury(desk.ground, "bell")
    desk.redrive()
    bury(desk.ground, "bell")

    (done,) = desk.redrive()

    assert done.redriven
    assert len(desk.ground.queue.messages) == 1


def test_a_sample_that_died_again_is_redriven_again(desk: Desk) -> None:
    bury(desk.ground, "bell")
    desk.redrive()
    desk.ground.moment += timedelta(seconds=1)
    bury(desk.ground, "bell", redrives=1)

    desk.redrive()

    assert len(desk.ground.queue.messages) == 2


def test_a_queue_that_is_down_keeps_the_letter(desk: Desk) -> None:
    bury(desk.ground, "bell")
    desk.ground.queue.reachable = False

    with pytest.raises(Refusal) as refused:
        desk.redrive()

    assert refused.value.fault.metadata == {"dependency": "queue"}
    assert desk.page().total == 1


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(desk: Desk, rate: float) -> None:
    bury(desk.ground, "bell")

    with pytest.raises(Refusal) as refused:
        desk.redrive(rate=rate)

    assert refused.value.fault.field == "rate"


def test_a_redrive_ends_between_two_letters_when_the_gateway_stops(desk: Desk) -> None:
    for name in "ab":
        bury(desk.ground, name)

    async def scenario() -> None:
        redrive = desk.letters.redrive(gateway_pb2.RedriveDeadLettersRequest())
        await anext(redrive)
        desk.stopping.set()
        with pytest.raises(Refusal) as ended:
            await anext(redrive)
        assert ended.value.fault.reason == error_pb2.REASON_NOT_SERVING

    asyncio.run(scenario())

    assert desk.page().total == 1


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_moment_that_no_calendar_has_is_refused_by_its_field(desk: Desk, name: str) -> None:
    fits = gateway_pb2.DeadLetterFilter(**{name: Timestamp(seconds=2**60)})  # type: ignore[arg-type]  # one of its fields

    with pytest.raises(Refusal) as refused:
        desk.page(filter=fits)

    assert (refused.value.fault.reason, refused.value.fault.field) == (error_pb2.REASON_BAD_FIELD, f"filter.{name}")


def test_a_gateway_that_stops_does_not_wait_for_the_next_letters_turn(desk: Desk) -> None:
    bury(desk.ground, "a")
    bury(desk.ground, "b", age_s=1)

    async def scenario() -> None:
        metadata = desk.ground.store("metadata", desk.ground.metadata)
        letters = DeadLetters(metadata, desk.ground.guarded(), desk.stopping)
        done = letters.redrive(gateway_pb2.RedriveDeadLettersRequest(rate=1e-6))
        assert (await anext(done)).sample_id == "a"
        desk.stopping.set()
        with pytest.raises(Refusal) as refused:
            await anext(done)
        assert refused.value.fault.reason == error_pb2.REASON_NOT_SERVING

    asyncio.run(asyncio.wait_for(scenario(), 30))
