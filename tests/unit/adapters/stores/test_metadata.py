"""The metadata store beyond its contract: quick opening, URIs, faults of SQLite and of a server that is away."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmpipe.adapters.errors import StoreRefused, StoreUnreachable
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.engine import connect
from mmpipe.adapters.metadata.tables import HEAD


def test_opening_imports_no_alembic_whether_the_tables_are_there_or_not(tmp_path: Path) -> None:
    code = "import sys; from mmpipe.adapters.metadata import Metadata; Metadata(sys.argv[1], 'p').close();"
    code += "sys.exit(any(name.partition('.')[0] == 'alembic' for name in sys.modules))"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, tmp_path / "m.sqlite"], check=True)  # ours


def test_head_is_the_last_migration() -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # slow, and this test's alone

    from mmpipe.adapters.metadata import schema  # noqa: PLC0415

    assert ScriptDirectory(str(schema._MIGRATIONS)).get_heads() == [HEAD]  # noqa: SLF001


@pytest.mark.parametrize("uri", ["{}/m.sqlite", "sqlite:///{}/m.sqlite", "sqlite:///{}/deeper/m.sqlite"])
def test_sqlite_is_opened_by_path_or_uri_and_its_folder_made(tmp_path: Path, uri: str) -> None:
    Metadata(uri.format(tmp_path), "p").close()
    assert list(tmp_path.rglob("m.sqlite"))


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "m.sqlite"))
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize("uri", ["mysql://host/db", "nonsense://", "://"])
def test_a_uri_of_another_kind_is_refused_with_those_that_are_taken(uri: str) -> None:
    with pytest.raises(StoreRefused, match=r"sqlite:///file or postgresql://"):
        Metadata(uri, "p")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_text("this is a text file, and long enough to be read as a database" * 100)
    with pytest.raises(StoreRefused, match="not a database"):
        Metadata(str(tmp_path / "m.sqlite"), "p")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="check the file"):
        Metadata(str(tmp_path), "p")


def test_a_writer_waits_for_another_and_then_writes(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with Metadata(str(path), "p") as metadata:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, lambda: other.execute("ROLLBACK"))
        release.start()
        metadata.begin_run("1", "recipe", "folder")
        release.join()
        other.close()
        assert metadata.unfinished_runs() == ["1"]


def test_a_lock_that_is_never_released_is_named_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmpipe.adapters.metadata.engine._LOCK_WAIT_MS", 1)
    monkeypatch.setattr("mmpipe.adapters.patience.ATTEMPTS", 2)
    path = tmp_path / "m.sqlite"
    with Metadata(str(path), "p") as metadata:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnreachable, match=r"locked.*stop what else writes to it"):
            metadata.begin_run("1", "recipe", "folder")
        other.close()


def test_a_server_that_is_away_is_unreachable_and_the_password_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmpipe.adapters.patience.ATTEMPTS", 1)
    with pytest.raises(StoreUnreachable, match=r"postgresql://me@127\.0\.0\.1:9/db.*see that the server runs") as fault:
        Metadata("postgresql://me@127.0.0.1:9/db", "p", password="hidden")  # noqa: S106  # a test's
    assert "hidden" not in str(fault.value)


def test_without_the_driver_of_postgresql_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreRefused, match=r"pip install 'mmpipe\[postgres\]'"):
        connect("postgresql://host/db")
