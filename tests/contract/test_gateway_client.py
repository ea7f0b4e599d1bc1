"""What every gateway answers to the client: the one in memory that tests of programs use, and the real one.

A test takes a :class:`Door`: a client, and what a worker would do to samples meanwhile. A gateway of another kind is a
second entry of ``DOORS``: a fixture that gives its own Door, whose ``settle``, ``give_up`` and ``reject`` write what a
worker would write.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from tests.contract.served_gateway import ServedDoor, served_door

from mmpipe.client import (
    BadRequest,
    Client,
    DeadLetterFilter,
    NotFound,
    SampleState,
    TooLarge,
)
from mmpipe.client.testing import FakeGateway
from mmpipe.records import Modality, Reference

DOORS = ["memory_door", "real_door"]
LARGEST_UPLOAD = 4 * 1024 * 1024


class Door(Protocol):
    """A gateway whose ``maxUploadBytes`` is LARGEST_UPLOAD, and the hands of a worker."""

    client: Client

    def settle(self, sample_id: str) -> None:
        """Let the sample be stored."""

    def give_up(self, sample_id: str, stage: str, reason: str) -> None:
        """Let the sample become a dead letter."""

    def reject(self, sample_id: str, gate: str, reason: str) -> None:
        """Let the sample's only part be rejected by a gate."""


class MemoryDoor:
    def __init__(self, gateway: FakeGateway, client: Client) -> None:
        self._gateway, self.client = gateway, client

    def settle(self, sample_id: str) -> None:
        self._gateway.settle(sample_id)

    def give_up(self, sample_id: str, stage: str, reason: str) -> None:
        self._gateway.give_up(sample_id, stage, reason)

    def reject(self, sample_id: str, gate: str, reason: str) -> None:
        self._gateway.reject(sample_id, gate, reason)


@pytest.fixture
def memory_door() -> Iterator[MemoryDoor]:
    with FakeGateway(max_upload_bytes=LARGEST_UPLOAD) as gateway, Client(gateway.address) as client:
        yield MemoryDoor(gateway, client)


@pytest.fixture
def real_door(tmp_path: Path) -> Iterator[ServedDoor]:
    with served_door(tmp_path, LARGEST_UPLOAD) as opened:
        yield opened


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    opened: Door = request.getfixturevalue(request.param)
    return opened


@pytest.fixture
def sample_id() -> str:
    """One of its own for each test, since tests may share a gateway."""
    return f"contract/{uuid.uuid4()}"


def test_what_was_accepted_is_known(door: Door, sample_id: str) -> None:
    receipt = door.client.submit({"id": sample_id, "text": "a red bell"})
    status = door.client.sample(sample_id)
    assert (receipt.sample_id, receipt.duplicate) == (sample_id, False)
    assert status.state is SampleState.QUEUED
    assert status.accepted_at is not None
    assert abs(datetime.now(UTC) - status.accepted_at) < timedelta(minutes=1)


def test_the_same_again_is_a_duplicate_and_another_content_is_not(door: Door, sample_id: str) -> None:
    receipts = [door.client.submit({"id": sample_id, "text": text}) for text in ("one", "one", "two")]
    assert [receipt.duplicate for receipt in receipts] == [False, True, False]


def test_an_id_is_derived_from_the_content_alone(door: Door, sample_id: str) -> None:
    first, again, other = (
        door.client.submit({"text": text}).sample_id for text in (sample_id, sample_id, sample_id + "!")
    )
    assert first == again != other


def test_a_sample_never_accepted_is_not_found(door: Door, sample_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        door.client.sample(sample_id)
    assert caught.value.reason == "NOT_FOUND"
    with pytest.raises(NotFound):
        list(door.client.watch(sample_id))
    with pytest.raises(NotFound):
        door.client.release(sample_id)


def test_a_sample_without_parts_is_refused_by_its_field(door: Door, sample_id: str) -> None:
    with pytest.raises(BadRequest) as caught:
        door.client.submit({"id": sample_id})
    assert (caught.value.reason, caught.value.field) == ("BAD_FIELD", "sample.parts")


def test_a_pack_is_answered_sample_by_sample(door: Door, sample_id: str) -> None:
    samples = [{"id": f"{sample_id}/{number}", "text": f"text {number}"} for number in range(300)]
    samples[7] = {"id": f"{sample_id}/7"}
    receipts = list(door.client.ingest(samples))
    assert [receipt.sample_id for receipt in receipts] == [sample["id"] for sample in samples]
    assert [number for number, receipt in enumerate(receipts) if not receipt.accepted] == [7]
    assert isinstance(receipts[7].error, BadRequest)
    assert receipts[7].error.field.endswith(".parts")
    assert all(receipt.duplicate for receipt in door.client.ingest(samples) if receipt.accepted)


def test_an_uploaded_medium_stands_in_a_sample(door: Door, sample_id: str) -> None:
    content = sample_id.encode() * 20_000
    reference = door.client.upload(content)
    assert reference.uri == f"object:{reference.sha256}"
    assert reference.size_bytes == len(content)
    assert door.client.upload(content) == reference
    assert door.client.submit({"id": sample_id, "video": reference}).accepted


def test_a_medium_that_is_too_large_is_refused(door: Door) -> None:
    with pytest.raises(TooLarge) as caught:
        door.client.upload(bytes(LARGEST_UPLOAD + 1))
    assert caught.value.reason == "TOO_LARGE"


def test_a_reference_that_nobody_can_fetch_is_refused(door: Door, sample_id: str) -> None:
    with pytest.raises(BadRequest):
        door.client.submit({"id": sample_id, "video": Reference("object:none", "", 0)})


@pytest.mark.parametrize(
    ("uri", "sha256", "reason"),
    [
        ("object:" + "0" * 64, "0" * 64, "BAD_FIELD"),
        ("file:///etc/passwd", "", "REFERENCE_REFUSED"),
    ],
)
def test_a_reference_to_what_is_not_there_or_not_fetched_is_refused_by_its_field(
    door: Door, sample_id: str, uri: str, sha256: str, reason: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        door.client.submit({"id": sample_id, "video": Reference(uri, sha256, 0)})
    assert caught.value.reason == reason
    assert caught.value.field.startswith("sample.parts[0].media.reference")


def test_an_upload_of_nothing_is_refused(door: Door) -> None:
    with pytest.raises(BadRequest) as caught:
        door.client.upload(b"")
    assert caught.value.field == "chunk"


def test_an_id_that_cannot_be_printed_is_refused(door: Door) -> None:
    with pytest.raises(BadRequest) as caught:
        door.client.submit({"id": "a\x00b", "text": "a red bell"})
    assert caught.value.field == "sample.id"


def test_a_question_about_no_sample_is_refused_by_its_field(door: Door) -> None:
    for ask in (door.client.sample, door.client.delete, door.client.release):
        with pytest.raises(BadRequest) as caught:
            ask("")
        assert caught.value.field == "sample_id"


def test_a_watch_tells_of_each_change_and_ends_when_the_sample_is_settled(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    states = []
    for status in door.client.watch(sample_id, timeout_s=60):
        states.append(status.state)
        if not status.state.settled:
            door.settle(sample_id)
    assert states[0] is SampleState.QUEUED
    assert states[-1] is SampleState.STORED


def test_a_dead_letter_is_listed_by_what_it_is_and_redriven_once(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.give_up(sample_id, "image.decode", "it timed out")
    wanted = DeadLetterFilter(
        sample_ids=(sample_id,), stage="image", reason="timed", since=datetime.now(UTC) - timedelta(hours=1)
    )
    (letter,) = door.client.dead_letters(wanted)
    assert (letter.sample_id, letter.stage, letter.reason) == (sample_id, "image.decode", "it timed out")
    assert letter.modalities == (Modality.TEXT,)
    assert door.client.sample(sample_id).state is SampleState.DEAD
    assert [one.redriven for one in door.client.redrive(wanted, dry_run=True)] == [True]
    assert [one.sample_id for one in door.client.redrive(wanted, rate=1_000)] == [sample_id]
    assert list(door.client.dead_letters(wanted)) == []
    assert door.client.sample(sample_id).state is SampleState.QUEUED


def test_a_letter_that_was_redriven_often_enough_is_left_alone_with_the_reason(door: Door, sample_id: str) -> None:
    wanted = DeadLetterFilter(sample_ids=(sample_id,))
    door.client.submit({"id": sample_id, "text": "a red bell"})
    for _ in range(2):
        door.give_up(sample_id, "image.decode", "it timed out")
        (done,) = door.client.redrive(wanted, rate=1_000, max_redrives=1)
    assert (done.sample_id, done.redriven) == (sample_id, False)
    assert "redriven 1 times" in done.reason


def test_a_dead_sample_that_is_sent_again_is_no_duplicate(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.give_up(sample_id, "image.decode", "it timed out")
    assert not door.client.submit({"id": sample_id, "text": "a red bell"}).duplicate
    assert door.client.sample(sample_id).state is SampleState.QUEUED


@pytest.mark.parametrize(
    "other",
    [
        DeadLetterFilter(stage="sink"),
        DeadLetterFilter(reason="crashed"),
        DeadLetterFilter(modality=Modality.DEPTH),
        DeadLetterFilter(until=datetime(2020, 1, 1, tzinfo=UTC)),
        DeadLetterFilter(sample_ids=("contract/another",)),
    ],
)
def test_a_dead_letter_that_does_not_fit_is_not_listed(door: Door, sample_id: str, other: DeadLetterFilter) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.give_up(sample_id, "image.decode", "it timed out")
    assert sample_id not in [letter.sample_id for letter in door.client.dead_letters(other)]


def test_a_quarantined_sample_is_listed_and_released(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.reject(sample_id, "text.clean.gates.minCharacters", "Too short.")
    (item,) = door.client.quarantined(sample_id, gate="text.clean", modality=Modality.TEXT)
    assert (item.rejected.gate, item.rejected.reason) == ("text.clean.gates.minCharacters", "Too short.")
    assert list(door.client.quarantined(sample_id, gate="image")) == []
    receipt = door.client.release(sample_id)
    assert (receipt.sample_id, receipt.accepted) == (sample_id, True)


def test_a_deleted_sample_is_unknown(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.settle(sample_id)
    door.client.delete(sample_id)
    with pytest.raises(NotFound):
        door.client.sample(sample_id)
    with pytest.raises(NotFound):
        door.client.delete(sample_id)


def test_a_deleted_sample_has_no_dead_letter_any_more(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.give_up(sample_id, "image.decode", "it timed out")
    door.client.delete(sample_id)
    assert list(door.client.dead_letters(DeadLetterFilter(sample_ids=(sample_id,)))) == []


def test_a_deleted_sample_may_come_again(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.settle(sample_id)
    door.client.delete(sample_id)
    assert not door.client.submit({"id": sample_id, "text": "a red bell"}).duplicate
    assert door.client.sample(sample_id).state is SampleState.QUEUED


def test_a_sample_of_which_nothing_is_in_quarantine_is_not_released(door: Door, sample_id: str) -> None:
    door.client.submit({"id": sample_id, "text": "a red bell"})
    door.settle(sample_id)
    with pytest.raises(NotFound):
        door.client.release(sample_id)
