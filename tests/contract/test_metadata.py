"""What the metadata promise, in SQLite and in PostgreSQL."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.metadata import Known, Metadata, SampleRows, State, schema, tables
from mmpipe.adapters.metadata.engine import connect
from mmpipe.adapters.metadata.schema import bring_up_to_date

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def a_sample(id_: str, rows: Sequence[str] = (), state: State = State.STORED, **changed: Any) -> SampleRows:  # noqa: ANN401
    sample = {
        "source": "folder",
        "content": "c" * 64,
        "fingerprint": f"fingerprint of {id_}",
        "attributes": {"year": 2020},
        "weights": {"image": 1.0},
        "missing": ["text"],
        "alignment_confidence": 1.0,
        "quality": 0.5,
        "latency_ms": 1.5,
        "run_id": "0",
        "written_at": NOW,
    }
    return SampleRows(id_, state, {**sample, **changed}, segments=[a_segment(row) for row in rows])


def a_segment(row_id: str) -> dict[str, Any]:
    columns = {"modality": "image", "uri": "u", "start_s": None, "end_s": None, "model": "m", "quality": 1.0}
    return {"row_id": row_id, **columns, "facts": {}}


def an_outcome(position: int, reason: str) -> dict[str, Any]:
    columns = {"modality": "image", "uri": "u", "start_s": None, "end_s": None, "outcome": "rejected", "stage": "s"}
    return {"position": position, **columns, "reason": reason}


def store(metadata: Metadata, *group: SampleRows, known: Sequence[str] = ()) -> None:
    metadata.intend(group, known)
    metadata.settle(group, [])


@pytest.fixture
def ask(metadata_uri: str) -> Callable[[sa.Table], list[Any]]:
    def rows_of(table: sa.Table) -> list[Any]:
        engine = connect(metadata_uri)
        with engine.begin() as connection:
            rows = list(connection.execute(sa.select(table)).all())
        engine.dispose()
        return rows

    return rows_of


def test_a_settled_sample_with_the_same_fingerprint_is_unchanged(metadata: Metadata) -> None:
    store(metadata, a_sample("a"), a_sample("b", state=State.QUARANTINED), a_sample("c", state=State.FAILED))
    same = {id_: f"fingerprint of {id_}" for id_ in "abcd"}
    assert metadata.unchanged(same) == {"a", "b"}
    assert metadata.unchanged({"a": "another"}) == set()


def test_a_sample_that_is_only_intended_is_not_unchanged(metadata: Metadata) -> None:
    metadata.intend([a_sample("a")], [])
    assert metadata.unchanged({"a": "fingerprint of a"}) == set()


def test_a_sample_is_known_by_its_source_content_and_rows(metadata: Metadata) -> None:
    store(metadata, a_sample("a", ["r1", "r2"]), a_sample("b"))
    assert metadata.known(["a", "b", "never seen"]) == {
        "a": Known("folder", "c" * 64, frozenset({"r1", "r2"})),
        "b": Known("folder", "c" * 64),
    }


def test_intended_rows_are_recorded_beside_those_before_until_settled(metadata: Metadata) -> None:
    store(metadata, a_sample("a", ["old", "both"]))
    after = a_sample("a", ["both", "new"])
    metadata.intend([after], ["a"])
    assert metadata.known(["a"])["a"].row_ids == {"old", "both", "new"}
    metadata.settle([after], [("a", "old")])
    assert metadata.known(["a"])["a"].row_ids == {"both", "new"}


def test_writing_a_sample_again_replaces_what_was_said_about_it(
    metadata: Metadata, ask: Callable[[sa.Table], list[Any]]
) -> None:
    before = SampleRows("a", State.STORED, a_sample("a").sample, outcomes=[an_outcome(0, "x"), an_outcome(1, "y")])
    after = SampleRows("a", State.FAILED, a_sample("a", source="other").sample, outcomes=[an_outcome(0, "z")])
    store(metadata, before)
    store(metadata, after, known=["a"])
    assert [row.reason for row in ask(tables.outcomes)] == ["z"]
    assert [(row.state, row.source) for row in ask(tables.samples)] == [("failed", "other")]


def test_values_come_back_as_they_were_written(metadata: Metadata, ask: Callable[[sa.Table], list[Any]]) -> None:
    attributes = {"name": "Zoë 音", "nested": {"list": [1, 2.5, None, True]}}
    store(metadata, a_sample("a", attributes=attributes, alignment_confidence=None))
    (row,) = ask(tables.samples)
    assert (row.attributes, row.weights, row.missing) == (attributes, {"image": 1.0}, ["text"])
    assert (row.alignment_confidence, row.latency_ms, row.written_at) == (None, 1.5, NOW)


def test_rows_are_counted_by_the_state_of_their_sample(metadata: Metadata) -> None:
    store(metadata, a_sample("a", ["r1", "r2"]), a_sample("b", ["r3"], State.FAILED))
    metadata.intend([a_sample("c", ["r4"])], [])
    assert metadata.rows_by_state() == {State.STORED: 2, State.FAILED: 1, State.PENDING: 1}


def test_rows_are_listed_in_batches_pending_ones_apart(metadata: Metadata) -> None:
    settled = [a_sample(f"s{number:04}", [f"{number:04}a", f"{number:04}b"]) for number in range(1_100)]
    store(metadata, *settled)
    metadata.intend([a_sample("p", ["r"])], [])
    batches = list(metadata.row_ids(pending=False))
    assert [len(batch) for batch in batches] == [1_000, 1_000, 200]
    assert [row for batch in batches for row in batch] == [(s.id, r["row_id"]) for s in settled for r in s.segments]
    assert list(metadata.row_ids(pending=True)) == [[("p", "r")]]


def test_a_doubted_sample_is_pending_again(metadata: Metadata) -> None:
    store(metadata, a_sample("a", ["r"]))
    metadata.doubt(["a"])
    assert metadata.unchanged({"a": "fingerprint of a"}) == set()
    assert metadata.rows_by_state() == {State.PENDING: 1}


def test_pipelines_share_a_database_and_do_not_see_each_other(metadata: Metadata, metadata_uri: str) -> None:
    store(metadata, a_sample("a", ["r"]))
    with Metadata(metadata_uri, "another") as other:
        assert other.known(["a"]) == {}
        assert other.rows_by_state() == {}
        store(other, a_sample("a", ["r"], State.FAILED))
    assert metadata.rows_by_state() == {State.STORED: 1}


def test_a_run_is_unfinished_until_it_ends(metadata: Metadata, ask: Callable[[sa.Table], list[Any]]) -> None:
    metadata.begin_run("1", "recipe", "folder")
    metadata.begin_run("2", "recipe", "folder")
    metadata.end_run("1", {"stored": 3}, finished=True)
    assert metadata.unfinished_runs() == ["2"]
    metadata.end_run("2", {}, finished=False)
    runs = {row.id: row for row in ask(tables.runs)}
    assert (runs["1"].state, runs["1"].counts, runs["2"].state) == ("finished", {"stored": 3}, "interrupted")
    assert runs["1"].started_at <= runs["1"].ended_at <= datetime.now(UTC)


def test_a_group_is_written_whole_or_not_at_all(metadata: Metadata, ask: Callable[[sa.Table], list[Any]]) -> None:
    broken = a_sample("b", content=None)
    with pytest.raises(sa.exc.DBAPIError):
        metadata.intend([a_sample("a"), broken], [])
    assert ask(tables.samples) == []


def test_threads_may_ask_and_write_at_once(metadata: Metadata) -> None:
    def work(number: int) -> set[str]:
        store(metadata, a_sample(str(number), [str(number)]))
        return metadata.unchanged({str(number): f"fingerprint of {number}"})

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(20))) == [{str(number)} for number in range(20)]


def test_a_new_database_gets_the_tables_that_the_migrations_make(metadata_uri: str) -> None:
    engine = connect(metadata_uri)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    bring_up_to_date(engine, "the test's")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, tables.metadata) == []
        assert _constraints(connection) == _constraints_of_metadata()
        assert context.get_current_revision() == tables.HEAD
    engine.dispose()


def test_a_database_of_the_version_before_keeps_what_it_knows(metadata_uri: str, pipeline: str) -> None:
    engine = connect(metadata_uri)
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(sa.text(A_SAMPLE_OF_0001), {"pipeline": pipeline})
    engine.dispose()
    with Metadata(metadata_uri, pipeline) as metadata:
        assert metadata.unchanged({"a": "f"}) == {"a"}
        status = metadata.reader.status("a")
    assert status is not None
    assert (status.state, status.accepted_at, status.degraded) == ("stored", None, ())


def test_the_last_migration_can_be_taken_back(metadata_uri: str) -> None:
    engine = connect(metadata_uri)
    with engine.begin() as connection:
        migrate(connection, "0001")
        before = columns_of(connection)
        migrate(connection, "head")
        assert columns_of(connection) != before
        migrate(connection, "0001", back=True)
        assert columns_of(connection) == before
    engine.dispose()


def test_tables_of_a_newer_version_are_refused_with_the_remedy(metadata_uri: str, metadata: Metadata) -> None:
    metadata.close()
    engine = connect(metadata_uri)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreMismatch, match=r"9999.*upgrade mmpipe"):
        Metadata(metadata_uri, "media")


def test_processes_that_open_an_empty_database_at_once_make_its_tables_once(metadata_uri: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda number: Metadata(metadata_uri, f"p{number}"), range(4)))
    for metadata in opened:
        assert metadata.rows_by_state() == {}
        metadata.close()


A_SAMPLE_OF_0001 = """
INSERT INTO samples (
    pipeline, id, state, source, content, fingerprint, attributes, weights, missing, latency_ms, run_id, written_at
)
VALUES (:pipeline, 'a', 'stored', 's', 'c', 'f', '{}', '{}', '[]', 1.0, 'r', '2026-01-01 00:00:00.000000')
"""


def migrate(connection: sa.Connection, revision: str, *, back: bool = False) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(schema._MIGRATIONS))  # noqa: SLF001
    config.set_main_option("path_separator", "os")
    (command.downgrade if back else command.upgrade)(config, revision)


def columns_of(connection: sa.Connection) -> dict[str, set[str]]:
    inspector = sa.inspect(connection)
    tables_there = inspector.get_table_names()
    return {table: {column["name"] for column in inspector.get_columns(table)} for table in tables_there}


def _constraints(connection: sa.Connection) -> dict[str, set[str | None]]:
    inspector = sa.inspect(connection)
    return {
        table: {inspector.get_pk_constraint(table)["name"], *(key["name"] for key in inspector.get_foreign_keys(table))}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def _constraints_of_metadata() -> dict[str, set[str | None]]:
    children = {"parts", "segments", "outcomes", "quarantine"}
    return {
        table: {f"pk_{table}", *([f"fk_{table}_samples"] if table in children else [])}
        for table in tables.metadata.tables
    }
