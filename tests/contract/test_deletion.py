"""What forgetting a sample promises: nothing of it is left, nothing of others is lost, wherever it is interrupted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mmpipe.adapters.deletion import Forgotten, forget
from mmpipe.adapters.errors import SampleBusy
from mmpipe.adapters.identity import digests_of
from mmpipe.adapters.metadata import Metadata, State, tables
from mmpipe.adapters.metadata.acceptances import Acceptance
from mmpipe.adapters.metadata.checkpoints import Checkpoint
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.metadata.engine import connect
from mmpipe.adapters.sink import Passage, Sink, Stores
from mmpipe.records import Modality, Rejected, Result
from mmpipe.testing import Crash, Crashing, a_result, a_sample

BLANK = Rejected("image.clean.minContrast", "the picture is blank", 1.0, 3.0)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
STEPS = [("vectors", "delete"), ("objects", "delete")]


@pytest.fixture
def stores(open_stores: Callable[[], Stores]) -> Iterator[Stores]:
    stores = open_stores()
    yield stores
    stores.vectors.close()
    stores.metadata.close()


@pytest.fixture
def rows_about(metadata_uri: str) -> Callable[[str], list[tuple[str, str]]]:
    """The tables that say anything about a sample, with what they say."""

    def ask(sample_id: str) -> list[tuple[str, str]]:
        engine = connect(metadata_uri)
        with engine.begin() as connection:
            found = [
                (name, str(row))
                for name, table in tables.metadata.tables.items()
                for row in connection.execute(sa.select(table))
            ]
        engine.dispose()
        return [(name, row) for name, row in found if f"'{sample_id}'" in row or f"{sample_id}.image" in row]

    return ask


def a_result_of(sample_id: str, content: bytes) -> Result:
    parts = {Modality.IMAGE: content, Modality.TEXT: b"blank"}
    return a_result(a_sample(sample_id, parts), {Modality.TEXT: BLANK})


def store(stores: Stores, *results: Result, accepted_at: datetime = LONG_AGO) -> None:
    sink = Sink.open(stores, recipe="recipe", source="gateway", shared=True)
    for result in results:
        sink.keep(result.sample)
        sink.write([result], Passage(accepted_at))


def kept(stores: Stores, result: Result) -> list[bool]:
    return [stores.objects.exists(sha256) for sha256 in digests_of(result.sample).parts]


def test_nothing_is_left_of_a_forgotten_sample_and_all_of_its_neighbour(
    stores: Stores, a_letter: Callable[..., DeadLetter], rows_about: Callable[[str], list[tuple[str, str]]]
) -> None:
    gone, other = a_result_of("gone", b"1"), a_result_of("other", b"2")
    store(stores, gone, other)
    metadata = stores.metadata
    for id_ in ("gone", "other"):
        metadata.acceptances.record([Acceptance(id_, LONG_AGO, "tenant", "d", "image", ("a" * 64,))])
        metadata.checkpoints.save(id_, "f", [Checkpoint(0, Modality.IMAGE, None, b"1")])
        metadata.dead_letters.put(a_letter(id_, accepted_at=LONG_AGO))
    before = len(rows_about("other"))
    assert forget(stores, "gone") == Forgotten(found=True, vectors=1, originals=1)
    assert rows_about("gone") == []
    assert len(rows_about("other")) == before
    assert kept(stores, gone) == [False, True]  # both have the same text
    assert kept(stores, other) == [True, True]
    assert stores.vectors.count() == 1
    assert metadata.reader.status("gone") is None


def test_a_sample_that_was_never_seen_is_not_found(stores: Stores) -> None:
    assert forget(stores, "never") == Forgotten(found=False)


def test_an_original_that_a_sample_of_another_pipeline_has_is_kept(stores: Stores, metadata_uri: str) -> None:
    result = a_result_of("gone", b"1")
    store(stores, result)
    with Metadata(metadata_uri, "another") as metadata:
        store(replace(stores, metadata=metadata), a_result_of("there", b"1"))
        assert forget(stores, "gone").originals == 0
    assert kept(stores, result) == [True, True]


def test_an_original_that_a_queued_sample_refers_to_is_kept_until_that_is_forgotten(stores: Stores) -> None:
    result = a_result_of("gone", b"1")
    store(stores, result)
    picture, _ = digests_of(result.sample).parts
    stores.metadata.acceptances.record([Acceptance("queued", LONG_AGO, "tenant", "d", "image", (picture,))])
    assert forget(stores, "gone").originals == 1
    assert kept(stores, result) == [True, False]
    assert forget(stores, "queued") == Forgotten(found=True, vectors=0, originals=1)
    assert kept(stores, result) == [False, False]


def test_originals_that_a_sample_had_before_it_was_sent_again_are_deleted_with_it(stores: Stores) -> None:
    first, second = a_result_of("gone", b"1"), a_result_of("gone", b"2")
    store(stores, first)
    store(stores, second, accepted_at=LONG_AGO + timedelta(seconds=1))
    assert forget(stores, "gone").originals == 3
    assert kept(stores, first) == kept(stores, second) == [False, False]


def test_originals_of_a_result_that_came_too_late_are_deleted_with_the_sample(stores: Stores) -> None:
    late = a_result_of("gone", b"late")
    store(stores, a_result_of("gone", b"1"), accepted_at=LONG_AGO + timedelta(seconds=1))
    store(stores, late)
    forget(stores, "gone")
    assert kept(stores, late) == [False, False]


@pytest.mark.parametrize("acted", [False, True])
@pytest.mark.parametrize("step", STEPS, ids=["-".join(step) for step in STEPS])
def test_a_deletion_that_was_interrupted_is_completed_by_repeating_it(
    stores: Stores, rows_about: Callable[[str], list[tuple[str, str]]], step: tuple[str, str], *, acted: bool
) -> None:
    result = a_result_of("gone", b"1")
    store(stores, result)
    store_name, method = step
    dying = replace(stores, **{store_name: Crashing(getattr(stores, store_name), method, acted=acted)})  # type: ignore[arg-type]  # it is whatever it wraps
    with pytest.raises(Crash):
        forget(dying, "gone")
    assert forget(stores, "gone").found
    assert rows_about("gone") == []
    assert kept(stores, result) == [False, False]
    assert stores.vectors.count() == 0
    assert not forget(stores, "gone").found


def test_a_sample_that_a_worker_is_writing_is_busy_and_stays(stores: Stores) -> None:
    result = a_result_of("busy", b"1")
    sink = Sink.open(stores, recipe="recipe", source="gateway", shared=True)
    planned = sink.plan(result, Passage(LONG_AGO))
    stores.metadata.claim([planned.rows])
    with pytest.raises(SampleBusy, match="sample busy: found a worker writing it"):
        forget(stores, "busy")
    assert sink.commit([planned]).states == {"busy": State.STORED}
    assert forget(stores, "busy").found


def test_a_worker_does_not_write_a_sample_whose_deletion_was_interrupted(stores: Stores) -> None:
    store(stores, a_result_of("gone", b"1"))
    dying = replace(stores, vectors=Crashing(stores.vectors, "delete", acted=True))  # type: ignore[arg-type]  # it is whatever it wraps
    with pytest.raises(Crash):
        forget(dying, "gone")
    late = Sink.open(stores, recipe="recipe", source="gateway", shared=True)
    assert late.write([a_result_of("gone", b"2")], Passage(LONG_AGO)).superseded == {"gone"}


def test_what_the_queue_still_holds_of_a_forgotten_sample_is_superseded_and_leaves_nothing(
    stores: Stores, a_letter: Callable[..., DeadLetter], rows_about: Callable[[str], list[tuple[str, str]]]
) -> None:
    stores.metadata.acceptances.record([Acceptance("gone", LONG_AGO, "tenant", "d", "image")])
    forget(stores, "gone")
    late = a_result_of("gone", b"1")
    stores.metadata.checkpoints.save("gone", "f", [Checkpoint(0, Modality.IMAGE, None, b"1")])
    store(stores, late)
    stores.metadata.dead_letters.put(a_letter("gone", accepted_at=LONG_AGO))
    assert rows_about("gone") == []
    assert kept(stores, late) == [False, False]
    assert stores.vectors.count() == 0


def test_a_sample_that_is_sent_again_after_it_was_forgotten_is_stored(stores: Stores) -> None:
    store(stores, a_result_of("back", b"1"))
    forget(stores, "back")
    result = a_result_of("back", b"1")
    store(stores, result, accepted_at=datetime.now(UTC))
    assert kept(stores, result) == [True, True]
    assert stores.vectors.count() == 1
