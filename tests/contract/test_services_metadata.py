"""What the metadata of the services promise: acceptances, dead letters, checkpoints, status, quarantine by the page."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mmpipe.adapters.errors import TokenRefused
from mmpipe.adapters.metadata import Metadata, SampleRows, State
from mmpipe.adapters.metadata.acceptances import Acceptance
from mmpipe.adapters.metadata.checkpoints import Checkpoint
from mmpipe.adapters.metadata.dead_letters import DeadLetter, LetterFilter
from mmpipe.adapters.metadata.reading import QuarantineFilter
from mmpipe.adapters.metadata.status import PartStatus, Standing
from mmpipe.records import Failed, Modality, Rejected, Segment

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
type Letters = Callable[..., DeadLetter]


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def an_acceptance(sample_id: str, seconds: float = 0, *, duplicate: bool = False) -> Acceptance:
    return Acceptance(sample_id, after(seconds), "tenant", "d" * 64, "text-image", duplicate=duplicate)


@pytest.fixture
def other(metadata_uri: str) -> Iterator[Metadata]:
    """Another pipeline in the same database."""
    with Metadata(metadata_uri, "another") as opened:
        yield opened


# Acceptances


def test_an_acceptance_comes_back_as_it_was_recorded(metadata: Metadata, other: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a"), an_acceptance("b", 1)])
    assert metadata.acceptances.of(["a", "never"]) == {"a": an_acceptance("a")}
    assert other.acceptances.of(["a"]) == {}


def test_the_newest_acceptance_of_a_sample_stays(metadata: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a", 2), an_acceptance("a", 1)])
    assert metadata.acceptances.of(["a"])["a"].accepted_at == after(2)
    metadata.acceptances.record([an_acceptance("a", 1)])
    assert metadata.acceptances.of(["a"])["a"].accepted_at == after(2)
    metadata.acceptances.record([an_acceptance("a", 3)])
    assert metadata.acceptances.of(["a"])["a"].accepted_at == after(3)


def test_a_duplicate_is_recorded_only_where_nothing_is(metadata: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a", 1)])
    metadata.acceptances.record([an_acceptance("a", 2, duplicate=True), an_acceptance("b", 2, duplicate=True)])
    assert metadata.acceptances.of("ab") == {"a": an_acceptance("a", 1), "b": an_acceptance("b", 2)}


def test_nothing_is_recorded_without_acceptances(metadata: Metadata) -> None:
    metadata.acceptances.record([])
    assert metadata.acceptances.of([]) == {}


# Dead letters


def test_a_letter_comes_back_as_it_was_put(metadata: Metadata, other: Metadata, a_letter: Letters) -> None:
    letter = a_letter("a", envelope=bytes(range(256)), reason="Zoë 音")
    metadata.dead_letters.put(letter)
    assert metadata.dead_letters.get("a") == letter
    assert other.dead_letters.get("a") is None


def test_what_no_database_takes_is_left_out_of_a_reason(metadata: Metadata, a_letter: Letters) -> None:
    metadata.dead_letters.put(a_letter("a", reason="nul\0 and \udc80"))
    letter = metadata.dead_letters.get("a")
    assert letter is not None
    assert letter.reason == "nul and \\udc80"


def test_a_letter_put_again_keeps_when_it_was_first_seen(metadata: Metadata, a_letter: Letters) -> None:
    metadata.dead_letters.put(a_letter("a", first_seen=NOON, last_seen=NOON))
    metadata.dead_letters.put(a_letter("a", first_seen=after(9), last_seen=after(9), redrives=1))
    assert metadata.dead_letters.get("a") == a_letter("a", first_seen=NOON, last_seen=after(9), redrives=1)


def test_a_redriven_letter_is_not_listed_until_it_fails_again_and_keeps_when_it_was_first_seen(
    metadata: Metadata, a_letter: Letters
) -> None:
    metadata.dead_letters.put(a_letter("a", first_seen=NOON))
    metadata.dead_letters.redriven(["a"])
    assert metadata.dead_letters.get("a") is None
    assert metadata.dead_letters.page(LetterFilter(), 10).total == 0
    metadata.dead_letters.put(a_letter("a", first_seen=after(9)))
    assert metadata.dead_letters.get("a") == a_letter("a", first_seen=NOON)


def test_removed_letters_are_gone_and_absent_ones_do_not_matter(metadata: Metadata, a_letter: Letters) -> None:
    for id_ in "ab":
        metadata.dead_letters.put(a_letter(id_))
    metadata.dead_letters.remove(["a", "never"])
    assert [letter.sample_id for letter in metadata.dead_letters.page(LetterFilter(), 10).letters] == ["b"]


def test_letters_come_by_the_page_newest_first_each_once(metadata: Metadata, a_letter: Letters) -> None:
    for number, seconds in enumerate([3, 1, 1, 2, 1]):  # three at one moment
        metadata.dead_letters.put(a_letter(f"s{number}", last_seen=after(seconds)))
    seen: list[str] = []
    page = metadata.dead_letters.page(LetterFilter(), 2)
    seen += [letter.sample_id for letter in page.letters]
    metadata.dead_letters.put(a_letter("newer", last_seen=after(9)))  # shifts no page
    while page.next_token:
        page = metadata.dead_letters.page(LetterFilter(), 2, page.next_token)
        seen += [letter.sample_id for letter in page.letters]
    assert seen == ["s0", "s3", "s1", "s2", "s4"]
    assert page.total == 6


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LetterFilter(), "abc"),
        (LetterFilter(sample_ids=("a", "c", "never")), "ac"),
        (LetterFilter(stage_prefix="image."), "a"),
        (LetterFilter(stage_prefix="s_nk"), ""),
        (LetterFilter(reason_contains="100%"), "b"),
        (LetterFilter(reason_contains="_"), ""),
        (LetterFilter(modality=Modality.VIDEO), "c"),
        (LetterFilter(modality=Modality.DEPTH), ""),
        (LetterFilter(since=after(2)), "bc"),
        (LetterFilter(until=after(2)), "a"),
        (LetterFilter(since=after(2), until=after(3), stage_prefix="sink"), "b"),
    ],
)
def test_a_filter_keeps_letters_that_fit_all_of_it(
    metadata: Metadata, a_letter: Letters, wanted: LetterFilter, found: str
) -> None:
    metadata.dead_letters.put(a_letter("a", last_seen=after(1)))
    metadata.dead_letters.put(a_letter("b", last_seen=after(2), stage="sink", reason="the disk is 100% full"))
    metadata.dead_letters.put(a_letter("c", last_seen=after(3), stage="sinks", modalities=(Modality.VIDEO,)))
    page = metadata.dead_letters.page(wanted, 10)
    assert {letter.sample_id for letter in page.letters} == set(found)
    assert page.total == len(found)


@pytest.mark.parametrize("token", ["nonsense", "e30=", "WyIyMDI2LTExLTIzVDEyOjAwOjAwIiwgImEiXQ==", "é"])
def test_a_page_token_of_another_origin_is_refused(metadata: Metadata, token: str) -> None:
    with pytest.raises(TokenRefused, match="ask for the first page again"):
        metadata.dead_letters.page(LetterFilter(), 10, token)


# Checkpoints


def test_checkpoints_come_back_by_part_and_time(metadata: Metadata, other: Metadata) -> None:
    done = [
        Checkpoint(1, Modality.AUDIO, None, b"whole"),
        Checkpoint(0, Modality.VIDEO, Segment(30.0, 60.1), b"\0second"),
        Checkpoint(0, Modality.VIDEO, Segment(0.0, 30.0), b"first"),
        Checkpoint(0, Modality.AUDIO, Segment(0.0, 30.0), b"its sound"),
    ]
    metadata.checkpoints.save("a", "f", done)
    assert metadata.checkpoints.load("a", "f") == [done[3], done[2], done[1], done[0]]
    assert metadata.checkpoints.load("a", "another") == []
    assert metadata.checkpoints.load("b", "f") == []
    assert other.checkpoints.load("a", "f") == []


def test_a_checkpoint_saved_again_replaces_itself_and_adds_to_the_others(metadata: Metadata) -> None:
    first, second = (Checkpoint(0, Modality.VIDEO, Segment(s, s + 30), b"1") for s in (0.0, 30.0))
    metadata.checkpoints.save("a", "f", [first])
    again = Checkpoint(0, Modality.VIDEO, Segment(0.0, 30.0), b"2")
    metadata.checkpoints.save("a", "f", [again, second])
    metadata.checkpoints.save("a", "f", [])
    assert metadata.checkpoints.load("a", "f") == [again, second]


def test_forgotten_checkpoints_are_gone_in_every_form(metadata: Metadata) -> None:
    for fingerprint in ("f", "g"):
        metadata.checkpoints.save("a", fingerprint, [Checkpoint(0, Modality.VIDEO, None, b"1")])
    metadata.checkpoints.forget("a")
    assert metadata.checkpoints.load("a", "f") == metadata.checkpoints.load("a", "g") == []


# Status


def rows_of(id_: str, state: State, accepted_at: datetime | None, *, written_at: datetime = NOON) -> SampleRows:
    sample = {
        "source": "gateway",
        "content": "c",
        "fingerprint": "f",
        "attributes": {},
        "weights": {"image": 0.75, "text": 0.25},
        "missing": ["audio"],
        "alignment_confidence": 0.5,
        "quality": 1.0,
        "latency_ms": 1.0,
        "run_id": "0",
        "written_at": written_at,
        "accepted_at": accepted_at,
        "degraded": ["video"],
    }
    places: list[dict[str, object]] = [
        {"modality": "image", "uri": "i", "start_s": None, "end_s": None},
        {"modality": "audio", "uri": "s", "start_s": 0.0, "end_s": 30.0},
        {"modality": None, "uri": "u", "start_s": None, "end_s": None},
    ]
    ends = [("embedded", None, None), ("rejected", "audio.clean.minLoudness", "too quiet"), ("failed", "video", "down")]
    outcomes = [
        {"position": position, **place, "outcome": outcome, "stage": stage, "reason": reason}
        for position, (place, (outcome, stage, reason)) in enumerate(zip(places, ends, strict=True))
    ]
    segment = {"row_id": "r" * 32, **places[0], "model": "m", "quality": 1.0, "facts": {}}
    quarantined = {
        "position": 0,
        "modality": "audio",
        "item_uri": "s",
        "object_uri": "",
        "start_s": 0.0,
        "end_s": 30.0,
        "gate": "audio.clean.minLoudness",
        "reason": "too quiet",
        "score": -70.0,
        "threshold": -60.0,
        "facts": {"lufs": -70.0},
        "rejected_at": written_at,
    }
    return SampleRows(id_, state, sample, segments=[segment], outcomes=outcomes, quarantine=[quarantined])


def store(metadata: Metadata, *group: SampleRows) -> None:
    metadata.intend(group, [])
    metadata.settle(group, [])


def state_of(metadata: Metadata, sample_id: str = "a") -> Standing | None:
    status = metadata.reader.status(sample_id)
    return None if status is None else status.state


def test_a_sample_that_was_never_seen_has_no_status(metadata: Metadata) -> None:
    assert metadata.reader.status("a") is None
    assert metadata.reader.statuses(["a"]) == {}


def test_a_stored_sample_says_what_became_of_its_parts(metadata: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a")])
    store(metadata, rows_of("a", State.STORED, NOON, written_at=after(1)))
    status = metadata.reader.status("a")
    assert status is not None
    assert (status.state, status.accepted_at, status.written_at) == (Standing.STORED, NOON, after(1))
    assert (status.weights, status.missing) == ({"image": 0.75, "text": 0.25}, ("audio",))
    assert (status.alignment_confidence, status.degraded, status.reason) == (0.5, ("video",), "")
    assert status.parts == (
        PartStatus("image", "i", None, row_id="r" * 32),
        PartStatus(
            "audio", "s", Segment(0.0, 30.0), rejected=Rejected("audio.clean.minLoudness", "too quiet", -70.0, -60.0)
        ),
        PartStatus(None, "u", None, failed=Failed("video", "down")),
    )


def test_an_accepted_sample_is_queued_then_pending_then_settled(metadata: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a")])
    assert state_of(metadata) is Standing.QUEUED
    rows = rows_of("a", State.QUARANTINED, NOON)
    metadata.claim([rows])
    assert state_of(metadata) is Standing.PENDING
    metadata.settle([rows], [])
    assert state_of(metadata) is Standing.QUARANTINED


def test_a_sample_that_was_sent_again_is_queued_until_the_newer_one_is_written(metadata: Metadata) -> None:
    metadata.acceptances.record([an_acceptance("a", 5)])
    store(metadata, rows_of("a", State.STORED, NOON, written_at=after(9)))  # the older, written late
    assert state_of(metadata) is Standing.QUEUED
    store(metadata, rows_of("a", State.STORED, after(5), written_at=after(10)))
    assert state_of(metadata) is Standing.STORED


def test_a_sample_that_was_given_up_is_dead_and_says_why_until_it_is_in_the_queue_again(
    metadata: Metadata, a_letter: Letters
) -> None:
    metadata.acceptances.record([an_acceptance("a")])
    metadata.dead_letters.put(a_letter("a", accepted_at=NOON, reason="the reason"))
    status = metadata.reader.status("a")
    assert status is not None
    assert (status.state, status.reason, status.accepted_at) == (Standing.DEAD, "the reason", NOON)
    metadata.dead_letters.redriven(["a"])
    assert state_of(metadata) is Standing.QUEUED


def test_a_letter_of_an_older_acceptance_does_not_matter(metadata: Metadata, a_letter: Letters) -> None:
    metadata.dead_letters.put(a_letter("a", accepted_at=NOON, last_seen=after(9)))
    metadata.acceptances.record([an_acceptance("a", 5)])
    assert state_of(metadata) is Standing.QUEUED
    store(metadata, rows_of("a", State.STORED, after(5)))
    assert state_of(metadata) is Standing.STORED


def test_what_is_stored_is_stored_though_it_was_given_up_too(metadata: Metadata, a_letter: Letters) -> None:
    metadata.acceptances.record([an_acceptance("a")])
    store(metadata, rows_of("a", State.STORED, NOON))
    metadata.dead_letters.put(a_letter("a", accepted_at=NOON))
    assert state_of(metadata) is Standing.STORED


def test_what_was_being_written_when_it_was_given_up_is_dead(metadata: Metadata, a_letter: Letters) -> None:
    metadata.claim([rows_of("a", State.STORED, NOON)])
    metadata.dead_letters.put(a_letter("a", accepted_at=NOON))
    assert state_of(metadata) is Standing.DEAD


def test_a_sample_of_a_local_run_has_its_state_and_a_fault_is_dead_with_its_reason(metadata: Metadata) -> None:
    store(metadata, rows_of("a", State.STORED, None), rows_of("b", State.FAILED, None))
    assert state_of(metadata) is Standing.STORED
    failed = metadata.reader.status("b")
    assert failed is not None
    assert (failed.state, failed.reason, failed.accepted_at) == (Standing.DEAD, "down", None)


# Quarantine


def test_quarantine_comes_by_the_page_newest_first_each_once(metadata: Metadata) -> None:
    store(metadata, *(rows_of(f"s{n}", State.STORED, NOON, written_at=after(n // 2)) for n in range(5)))
    page = metadata.reader.quarantine_page(QuarantineFilter(), 2)
    seen = list(page.items)
    while page.next_token:
        page = metadata.reader.quarantine_page(QuarantineFilter(), 2, page.next_token)
        seen += page.items
    assert [item.sample_id for item in seen] == ["s4", "s2", "s3", "s0", "s1"]
    assert (seen[0].score, seen[0].facts, seen[0].rejected_at) == (-70.0, {"lufs": -70.0}, after(2))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (QuarantineFilter(), 2),
        (QuarantineFilter(sample_id="a"), 1),
        (QuarantineFilter(gate_prefix="audio.clean"), 2),
        (QuarantineFilter(gate_prefix="audio_clean"), 0),
        (QuarantineFilter(modality=Modality.AUDIO), 2),
        (QuarantineFilter(modality=Modality.TEXT), 0),
    ],
)
def test_a_filter_keeps_quarantined_items_that_fit_all_of_it(
    metadata: Metadata, wanted: QuarantineFilter, count: int
) -> None:
    store(metadata, rows_of("a", State.STORED, NOON), rows_of("b", State.STORED, NOON))
    assert len(metadata.reader.quarantine_page(wanted, 10).items) == count


def test_a_token_of_another_list_is_refused(metadata: Metadata, a_letter: Letters) -> None:
    for id_ in "ab":
        metadata.dead_letters.put(a_letter(id_))
    token = metadata.dead_letters.page(LetterFilter(), 1).next_token
    with pytest.raises(TokenRefused):
        metadata.reader.quarantine_page(QuarantineFilter(), 1, token)
