"""What the sink promises to several workers: one at a time for a sample, and never older over newer."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mmpipe.adapters.metadata import Metadata, State
from mmpipe.adapters.metadata.checkpoints import Checkpoint
from mmpipe.adapters.metadata.claims import CLAIM_S
from mmpipe.adapters.objects import Objects, reference
from mmpipe.adapters.sink import Passage, Sink, Stores, Written
from mmpipe.adapters.vectors import Vectors
from mmpipe.records import Embedded, Failed, Media, Modality, Part, Result, Sample
from mmpipe.testing import Crash, Crashing, a_result, a_sample

FIRST = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SECOND = FIRST + timedelta(microseconds=1)


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = FIRST

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_worker_stores(
    vectors: Vectors, objects: Objects, metadata_uri: str, pipeline: str, clock: Clock
) -> Iterator[Callable[[], Stores]]:
    """Each has connections of its own to the metadata, as another process would."""
    with ExitStack() as opened:
        yield lambda: Stores(vectors, objects, opened.enter_context(Metadata(metadata_uri, pipeline, clock=clock)))


def a_worker(stores: Stores) -> Sink:
    return Sink.open(stores, recipe="recipe", source="gateway", shared=True)


def a_picture(content: bytes = b"1", sample_id: str = "a") -> Result:
    return a_result(a_sample(sample_id, {Modality.IMAGE: content}))


def write(sink: Sink, result: Result, accepted_at: datetime = FIRST) -> Written:
    return sink.write([result], Passage(accepted_at))


def uris_of(stores: Stores) -> list[str]:
    assert isinstance(stores.vectors, Vectors)
    return sorted(hit.uri for hit in stores.vectors.search(a_picture().embedded[0].outcome.payload.vector, 100))  # type: ignore[union-attr]


def dies_at(stores: Stores, store: str, method: str, *, acted: bool) -> Sink:
    crashing = Crashing(getattr(stores, store), method, acted=acted)
    return a_worker(replace(stores, **{store: crashing}))  # type: ignore[arg-type]  # it is whatever it wraps


def test_what_one_worker_wrote_another_finds_done(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    sink, result = a_worker(stores), a_picture()
    assert write(sink, result).states == {"a": State.STORED}
    other = a_worker(open_worker_stores())
    assert other.confirm("a", other.fingerprint(result.sample), FIRST)
    assert not other.confirm("a", other.fingerprint(a_picture(b"2").sample), FIRST)


def test_a_sample_that_was_sent_again_replaces_what_had_its_id(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    write(a_worker(stores), a_result(a_sample("a", {Modality.IMAGE: b"1", Modality.TEXT: b"2"})))
    assert write(a_worker(open_worker_stores()), a_picture(b"3"), SECOND).states == {"a": State.STORED}
    assert uris_of(stores) == ["file:///data/a.image"]
    assert stores.vectors.count() == 1


def test_a_sample_of_a_local_run_is_replaced_and_is_no_conflict(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    Sink.open(stores, recipe="recipe", source="folder").write([a_picture(b"1")])
    written = write(a_worker(stores), a_picture(b"2"))
    assert (written.states, written.conflicts) == ({"a": State.STORED}, {})


def test_an_older_result_is_superseded_and_changes_nothing(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    newer = a_picture(b"newer")
    write(a_worker(stores), newer, SECOND)
    late = a_worker(open_worker_stores())
    assert write(late, a_result(a_sample("a", {Modality.TEXT: b"older"})), FIRST) == Written(
        0, superseded=frozenset({"a"})
    )
    assert uris_of(stores) == ["file:///data/a.image"]
    assert late.confirm("a", late.fingerprint(newer.sample), SECOND)


def test_the_same_envelope_delivered_twice_is_written_twice_with_one_effect(
    open_worker_stores: Callable[[], Stores],
) -> None:
    stores = open_worker_stores()
    for sink in (a_worker(stores), a_worker(open_worker_stores())):
        assert write(sink, a_picture()).states == {"a": State.STORED}
    assert stores.vectors.count() == 1


def test_of_two_results_in_one_group_the_one_accepted_later_is_written(
    open_worker_stores: Callable[[], Stores],
) -> None:
    sink = a_worker(open_worker_stores())
    newer, older = a_picture(b"2"), a_picture(b"1")
    sink.commit([sink.plan(newer, Passage(SECOND)), sink.plan(older, Passage(FIRST))])
    assert sink.confirm("a", sink.fingerprint(newer.sample), SECOND)


def test_a_sample_that_another_process_is_writing_is_busy_until_it_is_settled(
    open_worker_stores: Callable[[], Stores],
) -> None:
    stores = open_worker_stores()
    holder = a_worker(stores)
    held = holder.plan(a_picture(b"1"), Passage(FIRST))
    stores.metadata.claim([held.rows])
    other = a_worker(open_worker_stores())
    both = [other.plan(a_picture(b"2"), Passage(SECOND)), other.plan(a_picture(b"3", "b"), Passage(SECOND))]
    written = other.commit(both)
    assert (written.busy, written.states) == (frozenset({"a"}), {"b": State.STORED})
    assert holder.commit([held]).states == {"a": State.STORED}
    assert other.commit(both[:1]).states == {"a": State.STORED}


@pytest.mark.parametrize(
    ("store", "method", "acted"),
    [
        ("metadata", "claim", True),
        ("vectors", "upsert", True),
        ("vectors", "delete", False),
        ("metadata", "settle", False),
    ],
)
def test_a_worker_that_dies_blocks_its_samples_for_a_minute_and_another_completes_them(
    open_worker_stores: Callable[[], Stores], clock: Clock, store: str, method: str, *, acted: bool
) -> None:
    stores = open_worker_stores()
    write(a_worker(stores), a_result(a_sample("a", {Modality.IMAGE: b"1", Modality.TEXT: b"2"})))
    with pytest.raises(Crash):
        write(dies_at(stores, store, method, acted=acted), a_picture(b"2"), SECOND)
    other = a_worker(open_worker_stores())
    clock.advance(CLAIM_S - 1)
    assert write(other, a_picture(b"2"), SECOND).busy == {"a"}
    clock.advance(1)
    assert write(other, a_picture(b"2"), SECOND).states == {"a": State.STORED}
    assert uris_of(stores) == ["file:///data/a.image"]
    assert other.verify().ok


def test_a_worker_whose_claim_was_taken_over_settles_nothing_and_deletes_no_row_of_the_other(
    open_worker_stores: Callable[[], Stores], clock: Clock
) -> None:
    stores = open_worker_stores()
    other = a_worker(open_worker_stores())
    both = a_result(a_sample("a", {Modality.IMAGE: b"2", Modality.TEXT: b"2"}))
    write(other, both, FIRST)

    class Stalls:
        """Vectors that take so long to delete that another worker writes the sample meanwhile."""

        embedded = False

        def upsert(self, rows: Sequence[object]) -> None:
            """So little was written."""

        def delete(self, ids: Sequence[str]) -> None:
            if ids:
                clock.advance(CLAIM_S)
                assert write(other, both, SECOND).states == {"a": State.STORED}

    stalled = a_worker(replace(stores, vectors=Stalls()))  # type: ignore[arg-type]  # what commit asks of it
    assert write(stalled, a_picture(b"1"), FIRST) == Written(0, busy=frozenset({"a"}))
    assert write(stalled, a_picture(b"1"), FIRST).superseded == {"a"}
    assert other.confirm("a", other.fingerprint(both.sample), SECOND)
    assert other.verify().ok


def test_workers_that_write_the_same_samples_at_once_end_with_the_newest_of_each(
    open_worker_stores: Callable[[], Stores],
) -> None:
    ids = [str(number) for number in range(12)]

    def work(number: int) -> None:
        sink = a_worker(open_worker_stores())
        accepted_at = FIRST + timedelta(seconds=number)
        left = {id_: a_picture(b"%d" % number, id_) for id_ in ids}
        while left:
            written = sink.write(list(left.values()), Passage(accepted_at))
            left = {id_: left[id_] for id_ in written.busy}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    last = a_worker(open_worker_stores())
    newest = FIRST + timedelta(seconds=3)
    assert all(last.confirm(id_, last.fingerprint(a_picture(b"3", id_).sample), newest) for id_ in ids)
    assert last.verify().ok


# What a sample that came through the services is


def test_a_degraded_sample_is_stored_and_not_done_with(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    sink, whole = a_worker(stores), a_result(a_sample("a", {Modality.IMAGE: b"1", Modality.AUDIO: b"2"}))
    fault = Embedded(Modality.AUDIO, "file:///data/a.audio", None, Failed("audio", "its stages are down"))
    degraded = replace(whole, embedded=(whole.embedded[0], fault))
    fingerprint = sink.fingerprint(whole.sample)
    written = sink.write([degraded], Passage(FIRST, degraded=(Modality.AUDIO,)))
    assert written.states == {"a": State.STORED}
    assert not sink.confirm("a", fingerprint, FIRST)
    assert sink.unchanged({"a": fingerprint}) == set()
    status = stores.metadata.reader.status("a")
    assert status is not None
    assert status.degraded == ("audio",)
    assert write(sink, whole).states == {"a": State.STORED}
    assert sink.confirm("a", fingerprint, FIRST)


def test_a_released_sample_has_a_fingerprint_of_its_own(open_worker_stores: Callable[[], Stores]) -> None:
    sink, result = a_worker(open_worker_stores()), a_picture()
    write(sink, result)
    released = sink.fingerprint(result.sample, "released")
    assert not sink.confirm("a", released, SECOND)
    sink.write([result], Passage(SECOND, variant="released"))
    assert sink.confirm("a", released, SECOND)


def test_originals_that_are_referred_to_are_recorded_and_not_put_again(
    open_worker_stores: Callable[[], Stores],
) -> None:
    stores = open_worker_stores()
    content = b"a film" * 1_000
    sha256, size = stores.objects.put_stream([content])
    part = Part(Modality.VIDEO, Media(b"", "mp4", reference=reference(sha256, size)), "film.mp4")
    inline = a_picture()
    sample = Sample("a", (part, *inline.sample.parts))
    sink = a_worker(stores)
    sink.keep(sample)
    sink.write([Result(sample, inline.embedded, None, 1.0)], Passage(FIRST))
    envelope = stores.metadata.reader.envelope_of("a")
    assert envelope is not None
    film, picture = envelope.parts
    assert (film.sha256, film.bytes, film.object_uri) == (sha256, size, stores.objects.uri_of(sha256))
    assert stores.objects.exists(film.sha256, size)
    assert stores.objects.exists(picture.sha256, 1)


def test_what_lies_elsewhere_is_recorded_as_not_kept(open_worker_stores: Callable[[], Stores]) -> None:
    stores = open_worker_stores()
    refers = replace(reference("a" * 64, 7), uri="https://host/picture.jpg")
    sample = Sample("a", (Part(Modality.IMAGE, Media(b"", "jpeg", reference=refers), "u"),))
    sink = a_worker(stores)
    sink.keep(sample)
    sink.write([Result(sample, (), None, 1.0)], Passage(FIRST))
    (part,) = stores.metadata.reader.parts(["a"])["a"]
    assert (part.sha256, part.bytes, part.object_uri) == ("a" * 64, 7, "")


def test_settling_forgets_the_checkpoints_and_the_dead_letter_of_a_sample(
    open_worker_stores: Callable[[], Stores], a_letter: Callable[..., object]
) -> None:
    stores = open_worker_stores()
    metadata = stores.metadata
    for id_ in ("a", "b"):
        metadata.checkpoints.save(id_, "f", [Checkpoint(0, Modality.VIDEO, None, b"1")])
        metadata.dead_letters.put(a_letter(id_, accepted_at=FIRST))  # type: ignore[arg-type]  # a builder
    write(a_worker(stores), a_picture(), FIRST)
    assert metadata.checkpoints.load("a", "f") == []
    assert metadata.dead_letters.get("a") is None
    assert len(metadata.checkpoints.load("b", "f")) == 1
    assert metadata.dead_letters.get("b") is not None


def test_confirming_forgets_them_too_but_no_letter_of_a_newer_acceptance(
    open_worker_stores: Callable[[], Stores], a_letter: Callable[..., object]
) -> None:
    stores = open_worker_stores()
    sink, result = a_worker(stores), a_picture()
    write(sink, result, FIRST)
    stores.metadata.dead_letters.put(a_letter("a", accepted_at=SECOND))  # type: ignore[arg-type]  # a builder
    sink.confirm("a", sink.fingerprint(result.sample), FIRST)
    assert stores.metadata.dead_letters.get("a") is not None
    sink.confirm("a", sink.fingerprint(result.sample), SECOND)
    assert stores.metadata.dead_letters.get("a") is None


def test_a_worker_begins_without_counting_what_servers_share(open_worker_stores: Callable[[], Stores]) -> None:
    class Shared(Crashing):
        """Vectors on a server; to count them is the end."""

        embedded = False

    stores = open_worker_stores()
    shared = replace(stores, vectors=Shared(stores.vectors, "count", acted=False))  # type: ignore[arg-type]  # it is whatever it wraps
    stores.metadata.begin_run("another worker", "recipe", "gateway")
    write(a_worker(shared), a_picture())
    write(a_worker(shared), a_picture())
    assert "another worker" in stores.metadata.unfinished_runs()
