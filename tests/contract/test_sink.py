"""What the sink promises over any three stores: written once in effect, whatever happens in between.

The state of the stores is compared as a whole (:func:`state_of`), never a single figure that two faults could balance.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from mmpipe.adapters.metadata import tables
from mmpipe.adapters.metadata.engine import connect
from mmpipe.adapters.sink import Sink, Stores, Verified
from mmpipe.records import Modality, Rejected, Result
from mmpipe.testing import DIMENSION, Crash, Crashing, a_result, a_sample, vector_of

PASSING = {"run_id", "written_at", "rejected_at", "latency_ms", "pipeline"}
"""Columns that tell one run from another."""

BLANK = Rejected("image.clean.minContrast", "the picture is blank", 1.0, 3.0)
EVERYWHERE = 100

BEFORE = [
    a_result(a_sample("same", {Modality.IMAGE: b"1", Modality.TEXT: b"2"}, {"year": 2001})),
    a_result(a_sample("changed", {Modality.IMAGE: b"3"})),
    a_result(a_sample("shrunk", {Modality.IMAGE: b"4", Modality.AUDIO: b"5"})),
    a_result(a_sample("freed", {Modality.IMAGE: b"6"}), {Modality.IMAGE: BLANK}),
]
AFTER = [
    BEFORE[0],
    a_result(a_sample("changed", {Modality.IMAGE: b"3 changed"}, {"year": 2002})),
    a_result(a_sample("shrunk", {Modality.IMAGE: b"4"})),
    a_result(a_sample("freed", {Modality.IMAGE: b"6 better"})),
    a_result(a_sample("new", {Modality.AUDIO: b"7"}), {Modality.AUDIO: BLANK}),
]

STEPS = [
    ("objects", "put"),
    ("metadata", "intend"),
    ("vectors", "upsert"),
    ("vectors", "delete"),
    ("metadata", "settle"),
]


def run(stores: Stores, results: Sequence[Result], source: str = "folder") -> None:
    """A run over an input: what is unchanged is left alone, the rest kept and written."""
    with Sink.open(stores, recipe="recipe", source=source) as sink:
        known = sink.unchanged({result.sample.id: sink.fingerprint(result.sample) for result in results})
        fresh = [result for result in results if result.sample.id not in known]
        for result in fresh:
            sink.keep(result.sample)
        sink.write(fresh)


def keep_and_write(sink: Sink, results: Sequence[Result]) -> None:
    for result in results:
        sink.keep(result.sample)
        sink.write([result])


def crash(stores: Stores, results: Sequence[Result], step: tuple[str, str], *, acted: bool) -> None:
    """A run whose process dies in ``step``: nothing of it is closed, but for what the kernel takes back."""
    store, method = step
    dying = replace(stores, **{store: Crashing(getattr(stores, store), method, acted=acted)})  # type: ignore[arg-type]  # it is whatever it wraps
    sink = Sink.open(dying, recipe="recipe", source="folder")
    with pytest.raises(Crash):
        keep_and_write(sink, results)
    stores.vectors.close()
    stores.metadata.close()


@pytest.fixture
def state_of(
    metadata_uri: str, pipeline: str, open_stores: Callable[[], Stores]
) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Everything that the stores say, but for the times of saying it."""

    def read() -> dict[str, list[tuple[Any, ...]]]:
        engine = connect(metadata_uri)
        with engine.begin() as connection:
            state = {
                name: sorted(
                    tuple(str(value) for column, value in row._mapping.items() if column not in PASSING)  # noqa: SLF001  # public, in spite of its name
                    for row in connection.execute(sa.select(table).where(table.c.pipeline == pipeline))
                )
                for name, table in tables.metadata.tables.items()
                if name != "runs"
            }
        engine.dispose()
        stores = open_stores()
        hits = stores.vectors.search(vector_of("any"), EVERYWHERE)  # type: ignore[attr-defined]  # Vectors does
        state["vectors"] = sorted(
            (hit.id, hit.modality, hit.uri, round(hit.score, 4), str(hit.attributes)) for hit in hits
        )
        assert stores.vectors.count() == len(hits)
        stores.vectors.close()
        stores.metadata.close()
        return state

    return read


def test_a_sample_is_in_all_three_stores_under_one_id(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE[:1])
    state = state_of()
    assert {row[0] for row in state["vectors"]} == {row[1] for row in state["segments"]}
    assert sorted(row[1] for row in state["vectors"]) == ["fused", "image", "text"]
    stores = open_stores()
    for part in state["parts"]:
        assert stores.objects.exists(part[5]), part
    stores.vectors.close()
    stores.metadata.close()


def test_a_second_run_over_the_same_input_changes_nothing(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    once = state_of()
    run(open_stores(), BEFORE)
    assert state_of() == once


def test_writing_a_group_again_changes_nothing(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    once = state_of()
    with Sink.open(open_stores(), recipe="recipe", source="folder") as sink:
        sink.write(BEFORE)
    assert state_of() == once


def test_a_changed_input_ends_as_if_it_had_been_the_first(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    run(open_stores(), AFTER)
    state = state_of()
    assert {(row[0], row[1]) for row in state["samples"]} == {
        ("same", "stored"),
        ("changed", "stored"),
        ("shrunk", "stored"),
        ("freed", "stored"),
        ("new", "quarantined"),
    }
    assert [row[0] for row in state["quarantine"]] == ["new"]
    assert len(state["vectors"]) == 3 + 1 + 1 + 1
    assert len(state["segments"]) == len(state["vectors"])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=["-".join(step) for step in STEPS])
def test_a_crash_and_a_rerun_end_like_an_undisturbed_run(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]], step: tuple[str, str], moment: str
) -> None:
    run(open_stores(), BEFORE)
    crash(open_stores(), AFTER[1:], step, acted=moment == "after")
    run(open_stores(), AFTER)
    disturbed = state_of()
    with Sink.open(open_stores(), recipe="recipe", source="folder") as sink:
        sink.write(AFTER)
    assert disturbed == state_of()
    assert len(disturbed["vectors"]) == 3 + 1 + 1 + 1
    assert {row[1] for row in disturbed["samples"]} == {"stored", "quarantined"}


def test_the_stores_agree_after_a_run(open_stores: Callable[[], Stores]) -> None:
    with Sink.open(open_stores(), recipe="recipe", source="folder") as sink:
        sink.write(BEFORE)
        assert sink.verify() == Verified(expected=7, counted=7)
        assert sink.verify().ok


def test_rows_that_a_store_lost_are_found_and_written_again(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    once = state_of()
    stores = open_stores()
    stores.vectors.delete([row[0] for row in once["vectors"] if row[1] == "text"])
    with Sink.open(stores, recipe="recipe", source="folder") as sink:
        assert sink.verify() == Verified(expected=7, counted=6, lost=frozenset({"same"}))
    run(open_stores(), BEFORE)
    assert state_of() == once


def test_after_a_run_that_never_ended_opening_finds_lost_rows_by_itself(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    once = state_of()
    stores = open_stores()
    stores.metadata.begin_run("killed", "recipe", "folder")
    stores.vectors.delete([row[0] for row in once["vectors"] if row[1] == "fused"])
    stores.vectors.close()
    stores.metadata.close()
    run(open_stores(), BEFORE)
    assert state_of() == once


def test_an_id_taken_by_other_content_from_another_source_is_a_conflict(
    open_stores: Callable[[], Stores], state_of: Callable[[], dict[str, Any]]
) -> None:
    run(open_stores(), BEFORE)
    once = state_of()
    with Sink.open(open_stores(), recipe="recipe", source="another folder") as sink:
        written = sink.write([AFTER[1]])
    assert written.rows == 0
    assert list(written.conflicts) == ["changed"]
    assert "folder" in written.conflicts["changed"]
    assert "prefix" in written.conflicts["changed"]
    assert state_of() == once


def test_the_same_content_from_another_source_is_no_conflict(open_stores: Callable[[], Stores]) -> None:
    run(open_stores(), BEFORE)
    with Sink.open(open_stores(), recipe="recipe", source="another folder") as sink:
        assert sink.unchanged({"same": sink.fingerprint(BEFORE[0].sample)}) == {"same"}
        assert sink.write(BEFORE).conflicts == {}


def test_vectors_found_by_search_name_their_sample(open_stores: Callable[[], Stores]) -> None:
    run(open_stores(), BEFORE)
    stores = open_stores()
    picture = BEFORE[0].embedded[0].outcome
    hits = stores.vectors.search(picture.payload.vector, 1, modalities=["image"])  # type: ignore[attr-defined,union-attr]
    assert hits[0].sample_id == "same"
    assert hits[0].attributes == {"year": 2001}
    assert len(picture.payload.vector) == DIMENSION  # type: ignore[union-attr]
    stores.vectors.close()
    stores.metadata.close()
