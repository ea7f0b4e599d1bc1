"""Every method of both clients, over a real connection to a gateway in memory."""

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mmpipe.client import (
    AsyncClient,
    Client,
    DeadLetterFilter,
    NotFound,
    QueryError,
    SampleState,
    TimedOut,
)
from mmpipe.client.testing import FakeGateway
from mmpipe.records import Media, Modality, Part, Reference, Sample
from mmpipe.v1 import sample_pb2

BELL = {"id": "bell", "text": "a red bell", "attributes": {"year": 2024, "tags": ["brass"]}}


def test_a_receipt_names_the_sample_and_says_whether_it_was_known(client: Client) -> None:
    first, second = client.submit(BELL), client.submit(BELL)
    assert (first.sample_id, first.accepted, first.duplicate) == ("bell", True, False)
    assert second.duplicate


def test_a_sample_without_an_id_gets_one_from_its_content(client: Client) -> None:
    ids = {client.submit({"text": text}).sample_id for text in ("one", "two", "one")}
    assert len(ids) == 2
    assert "" not in ids


def test_what_arrives_is_what_was_handed_in(client: Client, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("# a bell")
    client.submit({**BELL, "audio": b"RIFF....", "text": tmp_path / "note.md"})
    sample = gateway.shelf.samples["bell"]
    note, audio = sorted(sample.parts, key=lambda part: part.modality)
    assert note.media.content == b"# a bell"
    assert note.uri == (tmp_path / "note.md").as_uri()
    assert note.facts["name"].string_value == "note.md"
    assert audio.media.content == b"RIFF...."
    assert dict(sample.attributes) == {"year": 2024, "tags": ["brass"]}


def test_a_record_goes_in_as_it_is(client: Client, gateway: FakeGateway) -> None:
    part = Part(Modality.TEXT, Media(b"words", "txt"), "file:///notes/a.txt")
    client.submit(Sample("a", (part,), {"year": 1}))
    assert gateway.shelf.samples["a"].parts[0].uri == "file:///notes/a.txt"


def test_an_array_becomes_a_picture(client: Client, gateway: FakeGateway) -> None:
    client.submit({"id": "a", "image": np.zeros((4, 4, 3), np.uint8)})
    assert gateway.shelf.samples["a"].parts[0].media.content.startswith(b"BM")


def test_the_status_of_a_sample_is_told(client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    before = client.sample("bell")
    assert (before.state, before.written_at) == (SampleState.QUEUED, None)
    gateway.settle("bell")
    after = client.sample("bell")
    assert after.state is SampleState.STORED
    assert after.written_at is not None
    assert abs(after.written_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_watching_ends_when_the_sample_is_settled(client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    seen = []
    for status in client.watch("bell"):
        seen.append(status.state)
        following = {SampleState.QUEUED: sample_pb2.SAMPLE_STATE_PENDING}
        if not status.state.settled:
            gateway.settle("bell", following.get(status.state, sample_pb2.SAMPLE_STATE_STORED))
    assert seen == [SampleState.QUEUED, SampleState.PENDING, SampleState.STORED]


def test_watching_can_end_early(client: Client) -> None:
    client.submit(BELL)
    for _status in client.watch("bell"):
        break
    assert client.sample("bell").state is SampleState.QUEUED


def test_waiting_gives_the_settled_sample(client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    gateway.give_up("bell", "sink", "Milvus refuses")
    status = client.wait("bell", timeout_s=30)
    assert (status.state, status.reason) == (SampleState.DEAD, "Milvus refuses")


def test_waiting_too_long_is_an_error(client: Client) -> None:
    client.submit(BELL)
    with pytest.raises(TimedOut, match="timeout_s"):
        client.wait("bell", timeout_s=0.05)


def test_watching_goes_on_after_a_restart_and_repeats_nothing(client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    seen = []
    for status in client.watch("bell"):
        seen.append(status.state)
        if not status.state.settled:
            gateway.restart()
            gateway.settle("bell")
    assert seen == [SampleState.QUEUED, SampleState.STORED]


def test_an_upload_gives_the_reference_of_its_bytes(client: Client, gateway: FakeGateway, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "film.mp4").write_bytes(content)
    with (tmp_path / "film.mp4").open("rb") as stream:
        stream.read(1)
        references = [client.upload(tmp_path / "film.mp4"), client.upload(content), client.upload(stream)]
    assert (
        references[0] == references[1] == Reference(f"object:{references[0].sha256}", references[0].sha256, 2_560_000)
    )
    assert gateway.shelf.objects[references[0].sha256] == content
    assert gateway.shelf.objects[references[2].sha256] == content[1:]


def test_large_media_are_uploaded_and_small_ones_are_not(client: Client, gateway: FakeGateway, tmp_path: Path) -> None:
    film = bytes(600_000)
    (tmp_path / "film.mp4").write_bytes(film)
    client.submit({**BELL, "video": tmp_path / "film.mp4", "image": bytes(500_000)})
    parts = {int(part.modality): part.media for part in gateway.shelf.samples["bell"].parts}
    (video, image) = parts[4], parts[2]
    assert gateway.shelf.objects[video.reference.sha256] == film
    assert video.reference.size_bytes == 600_000
    assert len(image.content) == 500_000


def test_a_search_finds_by_text_and_by_media(client: Client) -> None:
    client.submit(BELL)
    client.submit({"id": "photo", "image": b"pixels"})
    answer = client.search("red bell", top=3)
    (hit,) = answer.hits
    assert (hit.sample_id, hit.modality, hit.score) == ("bell", "text", 1.0)
    assert hit.attributes == {"year": 2024, "tags": ["brass"]}
    assert (answer.generation, answer.model, answer.cached) == ("fake_g1", "fake@0", False)
    assert [hit.sample_id for hit in client.search(image=b"pixels").hits] == ["photo"]
    assert client.search("red bell", into=["image"]).hits == ()


def test_a_large_query_is_uploaded_first(client: Client, gateway: FakeGateway) -> None:
    client.submit({"id": "film", "video": bytes(700_000)})
    assert [hit.sample_id for hit in client.search(video=bytes(700_000)).hits] == ["film"]
    assert gateway.calls.count("Upload") == 2


def test_an_empty_query_is_no_call(client: Client, gateway: FakeGateway) -> None:
    with pytest.raises(QueryError, match="found nothing"):
        client.search()
    assert list(gateway.calls) == []


def test_dead_letters_come_page_by_page_and_by_filter(client: Client, gateway: FakeGateway) -> None:
    for number in range(1_005):
        client.submit({"id": f"s{number}", "text": "words"}) if number < 2 else None
        gateway.give_up(f"s{number % 2}", "image.decode" if number % 3 else "sink", f"timeout {number}")
    assert len(list(client.dead_letters())) == 1_005
    assert gateway.calls.count("ListDeadLetters") == 2
    wanted = DeadLetterFilter(stage="image", reason="timeout 100", modality=Modality.TEXT)
    assert [letter.reason for letter in client.dead_letters(wanted)] == [
        f"timeout {n}" for n in (1004, 1003, 1001, 1000, 100)
    ]
    assert list(client.dead_letters(DeadLetterFilter(until=datetime(2020, 1, 1, tzinfo=UTC)))) == []
    assert list(client.dead_letters(DeadLetterFilter(modality=Modality.IMAGE))) == []


def test_redriving_says_what_became_of_each(client: Client, gateway: FakeGateway) -> None:
    for sample_id, redrives in (("a", 0), ("b", 3)):
        client.submit({"id": sample_id, "text": "words"})
        gateway.give_up(sample_id, "sink", "down", redrives=redrives)
    tried = list(client.redrive(dry_run=True))
    assert [(one.sample_id, one.redriven) for one in tried] == [("b", False), ("a", True)]
    assert "3 times" in tried[0].reason
    assert len(list(client.dead_letters())) == 2
    list(client.redrive(rate=100))
    assert [letter.sample_id for letter in client.dead_letters()] == ["b"]
    assert client.sample("a").state is SampleState.QUEUED


def test_quarantine_is_listed_and_released(client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    gateway.reject("bell", "text.clean.gates.minCharacters", "Too short.")
    (item,) = client.quarantined(gate="text.clean", modality=Modality.TEXT)
    assert (item.sample_id, item.rejected.score, item.rejected.threshold) == ("bell", 0.5, 1.5)
    assert list(client.quarantined("another")) == []
    assert client.release("bell").accepted
    assert list(client.quarantined()) == []
    with pytest.raises(NotFound):
        client.release("bell")


def test_a_deleted_sample_is_forgotten(client: Client) -> None:
    client.submit(BELL)
    deleted = client.delete("bell")
    assert (deleted.vectors, deleted.originals) == (2, 0)
    with pytest.raises(NotFound):
        client.sample("bell")


def test_both_clients_have_the_same_methods() -> None:
    def signatures(kind: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}

    assert signatures(Client) == signatures(AsyncClient)
