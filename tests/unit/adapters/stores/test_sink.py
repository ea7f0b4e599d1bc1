"""The sink over a fake of the vectors: any sequence of runs and crashes ends like its last run alone."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.adapters.errors import StoreUnreachable
from mmpipe.adapters.metadata import Metadata, State
from mmpipe.adapters.metadata.claims import CLAIM_S
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.sink import Sink, Stores, Verified
from mmpipe.adapters.vectors import VectorRow
from mmpipe.records import Embedded, Failed, Modality, Rejected, Result
from mmpipe.resilience import deadline
from mmpipe.testing import Crash, Crashing, MemoryVectors, a_result, a_sample

BLANK = Rejected("image.clean.minContrast", "the picture is blank", 1.0, 3.0)
PIPELINES = itertools.count()
STEPS = [("metadata", "intend"), ("vectors", "upsert"), ("vectors", "delete"), ("metadata", "settle")]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with Metadata(str(tmp_path / "m.sqlite"), "media") as metadata:
        yield Stores(MemoryVectors(), Objects.open("memory:///"), metadata)


def opened(stores: Stores, recipe: str = "recipe", source: str = "folder") -> Sink:
    return Sink.open(stores, recipe=recipe, source=source)


def a_picture(sample_id: str, content: bytes = b"1") -> Result:
    return a_result(a_sample(sample_id, {Modality.IMAGE: content}))


def unchanged(sink: Sink, *results: Result) -> set[str]:
    return sink.unchanged({result.sample.id: sink.fingerprint(result.sample) for result in results})


def test_what_was_written_is_unchanged_and_what_differs_is_not(stores: Stores) -> None:
    sink = opened(stores)
    sink.write([a_picture("a"), a_picture("b")])
    assert unchanged(sink, a_picture("a"), a_picture("b", b"2"), a_picture("c")) == {"a"}


def test_another_recipe_leaves_nothing_unchanged(stores: Stores) -> None:
    opened(stores).write([a_picture("a")])
    assert unchanged(opened(stores, recipe="another"), a_picture("a")) == set()


def test_a_quarantined_sample_is_left_alone_by_a_second_run(stores: Stores) -> None:
    blank = a_result(a_sample("a", {Modality.IMAGE: b"1"}), {Modality.IMAGE: BLANK})
    assert opened(stores).write([blank]).states == {"a": State.QUARANTINED}
    assert unchanged(opened(stores), blank) == {"a"}


def test_a_failed_sample_is_tried_again_by_every_run(stores: Stores) -> None:
    sample = a_sample("a", {Modality.IMAGE: b"1"})
    failed = Result(sample, (Embedded(Modality.IMAGE, "u", None, Failed("image.decode", "a crash")),), None, 1.0)
    assert opened(stores).write([failed]).states == {"a": State.FAILED}
    assert unchanged(opened(stores), failed) == set()
    assert opened(stores).write([a_result(sample)]).states == {"a": State.STORED}


def test_of_two_results_with_one_id_the_last_is_written(stores: Stores) -> None:
    written = opened(stores).write([a_picture("a", b"1"), a_picture("a", b"2")])
    assert written.rows == 1
    assert unchanged(opened(stores), a_picture("a", b"2")) == {"a"}


def test_nothing_to_write_is_written(stores: Stores) -> None:
    assert opened(stores).write([]).rows == 0


def test_originals_are_kept_where_they_are_to_be_copied(stores: Stores) -> None:
    sink = opened(stores)
    sink.keep(a_sample("a", {Modality.IMAGE: b"1"}))
    sink.keep(a_sample("a", {Modality.IMAGE: b"1"}))
    # SHA-256 of "1" (coreutils)
    assert stores.objects.get("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b") == b"1"


def test_originals_are_left_where_they_are_to_be_referred_to(stores: Stores) -> None:
    sink = Sink.open(stores, recipe="recipe", source="folder", originals="Reference")
    sink.keep(a_sample("a", {Modality.IMAGE: b"1"}))
    assert not stores.objects.exists("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")


def test_the_bytes_of_a_sample_are_read_once_from_fingerprint_to_write(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmpipe.adapters import identity  # noqa: PLC0415  # its function is watched

    read: list[bytes] = []

    def sha256_of(content: bytes) -> str:
        read.append(content)
        return content.hex().zfill(64)

    monkeypatch.setattr(identity, "sha256_of", sha256_of)
    sink, result = opened(stores), a_picture("a")
    unchanged(sink, result)
    sink.keep(result.sample)
    sink.write([result])
    assert read == [b"1"]
    assert sink._digests == {}  # noqa: SLF001  # nothing of it stays in memory


def test_a_store_that_stays_away_leaves_the_sample_for_the_next_run(stores: Stores) -> None:
    class Away(MemoryVectors):
        def upsert(self, rows: Sequence[object]) -> None:
            del rows
            raise StoreUnreachable("milvus", "nothing", "an answer", "start it")

    with pytest.raises(StoreUnreachable):
        opened(replace(stores, vectors=Away())).write([a_picture("a")])
    assert unchanged(opened(stores), a_picture("a")) == set()


def test_a_worker_gives_up_on_milvus_before_its_claim_runs_out(stores: Stores) -> None:
    allowed: list[float | None] = []

    class Slow(MemoryVectors):
        def upsert(self, rows: Sequence[object]) -> None:
            del rows
            allowed.append(deadline.remaining())
            raise deadline.DeadlinePassed(0.0)

    worker = Sink.open(replace(stores, vectors=Slow()), recipe="recipe", source="gateway", shared=True)
    with pytest.raises(StoreUnreachable, match="claim on the samples"):
        worker.write([a_picture("a")])
    (seconds,) = allowed
    assert seconds is not None
    assert CLAIM_S / 2 < seconds < CLAIM_S
    again = Sink.open(stores, recipe="recipe", source="gateway", shared=True)
    assert again.write([a_picture("a")]).busy == {"a"}


def test_a_worker_writes_a_group_again_that_it_could_not_write(stores: Stores) -> None:
    away = [True]

    class AwayOnce(MemoryVectors):
        def upsert(self, rows: Sequence[VectorRow]) -> None:
            if away:
                away.pop()
                raise StoreUnreachable("milvus", "nothing", "an answer", "start it")
            super().upsert(rows)

    worker = Sink.open(replace(stores, vectors=AwayOnce()), recipe="recipe", source="gateway", shared=True)
    planned = [worker.plan(a_picture("a"))]
    with pytest.raises(StoreUnreachable):
        worker.commit(planned)
    assert worker.commit(planned).states == {"a": State.STORED}


def test_the_bytes_of_a_sample_that_is_given_up_are_let_go(stores: Stores) -> None:
    sink = opened(stores)
    sink.fingerprint(a_picture("a").sample)
    sink.let_go("a")
    sink.let_go("never seen")
    assert sink._digests == {}  # noqa: SLF001  # nothing of it stays in memory


def test_rows_that_the_store_lost_make_their_samples_pending_again(stores: Stores) -> None:
    sink = opened(stores)
    sink.write([a_picture("a"), a_picture("b")])
    (lost,) = (row.id for row in stores.vectors.rows.values() if row.sample_id == "a")  # type: ignore[attr-defined]  # the fake's
    stores.vectors.delete([lost])
    assert sink.verify() == Verified(expected=2, counted=1, lost=frozenset({"a"}))
    assert unchanged(sink, a_picture("a"), a_picture("b")) == {"b"}


def test_rows_that_nobody_recorded_are_counted_and_not_agreed_with(stores: Stores) -> None:
    sink = opened(stores)
    sink.write([a_picture("a")])
    stores.vectors.upsert([replace(*stores.vectors.rows.values(), id="stranger")])  # type: ignore[attr-defined]  # the fake's
    assert sink.verify() == Verified(expected=1, counted=2)
    assert not sink.verify().ok


def test_an_id_taken_by_other_content_from_another_source_is_returned_as_a_conflict(stores: Stores) -> None:
    opened(stores).write([a_picture("a")])
    written = opened(stores, source="another").write([a_picture("a", b"2"), a_picture("b")])
    assert written.states == {"b": State.STORED}
    assert written.conflicts == {
        "a": "sample a: found its id taken by other content from folder; expected ids of another to be free; "
        "give this input an id prefix"
    }


def test_a_run_says_how_it_ended(tmp_path: Path) -> None:
    stores = Stores(MemoryVectors(), Objects.open("memory:///"), Metadata(str(tmp_path / "m.sqlite"), "media"))
    with opened(stores) as sink:
        sink.write([a_picture("a")])
    with suppress(KeyError), opened(stores):
        raise KeyError
    with opened(stores) as sink:
        sink.interrupt()
    sink = opened(stores)  # and is killed
    opened(stores)
    assert [row[0] for row in _runs(tmp_path)] == ["finished", "interrupted", "interrupted", "interrupted", "running"]
    assert _runs(tmp_path)[0][1] == {"stored": 1, "vectors": 1, "conflicts": 0}


def _runs(folder: Path) -> list[tuple[str, Any]]:
    import sqlalchemy as sa  # noqa: PLC0415  # for this question alone

    from mmpipe.adapters.metadata.engine import connect  # noqa: PLC0415
    from mmpipe.adapters.metadata.tables import runs  # noqa: PLC0415

    engine = connect(str(folder / "m.sqlite"))
    with engine.begin() as connection:
        rows = connection.execute(sa.select(runs.c.state, runs.c.counts).order_by(runs.c.started_at)).all()
    engine.dispose()
    return [(row.state, row.counts) for row in rows]


# Any sequence of runs and crashes. The tests below share a database, each example under a pipeline of its own.

BLANK_CONTENT = b"blank"
CONTENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(
        st.sets(st.sampled_from([Modality.IMAGE, Modality.TEXT, Modality.AUDIO]), min_size=1),
        st.sampled_from([b"1", b"2", BLANK_CONTENT]),
    ),
    max_size=3,
)
CRASHES = st.one_of(st.none(), st.tuples(st.sampled_from(STEPS), st.booleans()))

type Contents = dict[str, tuple[set[Modality], bytes]]
type Death = tuple[tuple[str, str], bool]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("sink") / "m.sqlite")


def results_of(contents: Contents) -> list[Result]:
    """Their results; of blank content the first part is rejected."""
    return [
        a_result(
            a_sample(id_, dict.fromkeys(sorted(modalities), content)),
            {min(modalities): BLANK} if content == BLANK_CONTENT else {},
        )
        for id_, (modalities, content) in contents.items()
    ]


def run(stores: Stores, results: Sequence[Result], death: Death | None = None) -> None:
    if death:
        (store, method), acted = death
        stores = replace(stores, **{store: Crashing(getattr(stores, store), method, acted=acted)})  # type: ignore[arg-type]  # it is whatever it wraps
    sink = opened(stores)
    known = unchanged(sink, *results)
    with suppress(Crash):
        sink.write([result for result in results if result.sample.id not in known])


@contextmanager
def empty_stores(database: str) -> Iterator[tuple[Stores, MemoryVectors]]:
    vectors = MemoryVectors()
    with Metadata(database, f"p{next(PIPELINES)}") as metadata:
        yield Stores(vectors, Objects.open("memory:///"), metadata), vectors


@settings(max_examples=25)
@given(st.lists(st.tuples(CONTENTS, CRASHES), max_size=3), CONTENTS)
def test_any_sequence_of_runs_and_crashes_ends_like_one_run_over_what_was_last_seen(
    database: str, history: list[tuple[Contents, Death | None]], last: Contents
) -> None:
    with empty_stores(database) as (stores, vectors), empty_stores(database) as (alone, alone_vectors):
        seen: Contents = {}
        for contents, death in history:
            run(stores, results_of(contents), death)
            seen |= contents
        run(stores, results_of(seen | last))
        run(alone, results_of(seen | last))
        assert {row.uri + row.modality for row in vectors.rows.values()} == {
            row.uri + row.modality for row in alone_vectors.rows.values()
        }
        assert stores.metadata.rows_by_state() == alone.metadata.rows_by_state()
        assert opened(stores).verify().ok


@pytest.mark.parametrize(("first", "second"), list(itertools.product(STEPS, repeat=2)))
def test_every_pair_of_crashes_is_healed_by_the_next_run(
    database: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    before = results_of({"a": ({Modality.IMAGE, Modality.TEXT}, b"1")})
    after = results_of({"a": ({Modality.IMAGE}, b"2")})
    with empty_stores(database) as (stores, vectors):
        run(stores, before, (first, True))
        run(stores, after, (second, True))
        run(stores, after)
        assert [row.modality for row in vectors.rows.values()] == ["image"]
        assert opened(stores).verify().ok
