"""How many samples of a pipeline were given up, as the operator counts them in PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import psycopg
import pytest
from tests.asynchronous import asynchronous
from tests.integration.operator.asking import a_pipeline, asking, gate_to

from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.letter_count import LetterCount
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline
from mmpipe_operator.status import Report

pytestmark = pytest.mark.server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = {"name": "db", "key": "password"}


def known(report: Report) -> bool:
    return report.queue.state != "Unknown"


def in_postgres(name: str, uri: str, **changed: object) -> MultimodalPipeline:
    return a_pipeline(name, metadata={"uri": uri, **changed})


def letter(id_: str) -> DeadLetter:
    return DeadLetter(id_, b"", "text", (Modality.TEXT,), "text.decode", "broken", 5, 0, "", NOW, NOW, NOW)


@pytest.fixture
def empty_database(postgres_uri: str) -> str:
    """One without our tables."""
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS empty")
        connection.execute("CREATE DATABASE empty")
    return postgres_uri.rpartition("/")[0] + "/empty"


@asynchronous
async def test_letters_of_the_pipeline_that_nobody_has_redriven_are_counted(postgres_uri: str) -> None:
    with Metadata(postgres_uri, "lettered") as metadata, Metadata(postgres_uri, "neighbour") as another:
        for id_ in ("a", "b", "c"):
            metadata.dead_letters.put(letter(id_))
        metadata.dead_letters.redriven(["b"])
        another.dead_letters.put(letter("d"))
    async with asking() as one:
        report = await one.until(in_postgres("lettered", postgres_uri), known)
    assert report.dead_letters == 2


@asynchronous
async def test_a_database_without_tables_holds_none_and_gets_none(empty_database: str) -> None:
    async with asking() as one:
        assert (await one.until(in_postgres("new", empty_database), known)).dead_letters == 0
    with psycopg.connect(empty_database) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


@asynchronous
async def test_a_database_that_is_not_there_leaves_the_number_unknown(postgres_uri: str) -> None:
    async with asking() as one:
        report = await one.until(in_postgres("lost", postgres_uri.rpartition("/")[0] + "/nowhere"), known)
    assert report.dead_letters is None


@asynchronous
async def test_a_database_that_says_nothing_costs_a_number_and_leaves_no_thread_behind(postgres_uri: str) -> None:
    before = set(threading.enumerate())
    async with gate_to(postgres_uri) as gate, asking() as one:
        pipeline = in_postgres("silent", f"postgresql://mmpipe@127.0.0.1:{gate.port}/postgres")
        assert (await one.until(pipeline, lambda report: report.dead_letters is not None)).dead_letters == 0
        gate.swallow()
        await one.until(pipeline, lambda report: report.dead_letters is None)
        await one.neighbours.close()
        left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("mmpipe-")}
    assert not left


def test_a_count_stops_where_no_exact_number_is_needed(postgres_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmpipe.adapters.letter_count.AT_MOST", 2)
    with Metadata(postgres_uri, "flooded") as metadata:
        for id_ in ("a", "b", "c"):
            metadata.dead_letters.put(letter(id_))
    letters = LetterCount(postgres_uri)
    assert letters.of("flooded") == 2
    letters.close()


def test_a_connection_that_the_server_has_ended_is_made_anew(postgres_uri: str) -> None:
    letters = LetterCount(postgres_uri)
    assert letters.of("nobody") == 0
    held = letters._connection  # noqa: SLF001  # whose end is played
    assert held is not None
    with psycopg.connect(postgres_uri, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (held.info.backend_pid,))
    assert letters.of("nobody") == 0
    letters.close()


def test_a_uri_that_postgresql_does_not_take_is_refused_with_what_it_says() -> None:
    with pytest.raises(StoreRefused, match=r"nonsense.*change sink\.metadata\.uri"):
        LetterCount("postgresql://127.0.0.1/x?nonsense=1").of("nobody")


def test_a_file_is_refused_rather_than_made() -> None:
    for uri in ("", "sqlite:///made.db", "made.db"):
        with pytest.raises(StoreRefused, match="expected postgresql://user@host/database"):
            LetterCount(uri)


@asynchronous
async def test_asking_ends_with_the_neighbours(postgres_uri: str) -> None:
    async with asking() as one:
        await one.until(in_postgres("ending", postgres_uri), known)
        await one.neighbours.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
