"""A Milvus Lite that one process serves to others: several clients, a server that is killed, who may open it."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from milvus_lite.engine import collection
from tests.servers.lite import LiteServer

from mmpipe.adapters.errors import StoreBusy, StoreRefused
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors
from mmpipe.adapters.vectors.lite import Lite, serve_lite
from mmpipe.testing import DIMENSION, vector_of

BATCHES = 15
ROWS = 40
CLIENT = """
import sys
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors
from mmpipe.testing import vector_of

uri, name, batches, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with Vectors(Place(uri), Collection("p", 8)) as vectors:
    print("open", flush=True)
    sys.stdin.readline()  # until the other is there too
    for batch in range(batches):
        own = [f"{name}-{batch}-{row}" for row in range(rows)]
        both = [f"both-{row}" for row in range(rows)]
        vectors.upsert([VectorRow(id, id, "image", vector_of(id), None, name, "m", 1.0) for id in own + both])
        assert vectors.search(vector_of(own[0]), 1)[0].id == own[0]
        assert vectors.present(own) == set(own)
        vectors.delete(own[::2])
"""


def opened(server: LiteServer) -> Vectors:
    return Vectors(Place(server.uri), Collection("p", DIMENSION))


def a_row(id_: str) -> VectorRow:
    return VectorRow(id_, id_, "image", vector_of(id_), None, "u", "m", 1.0)


def test_two_processes_write_and_search_at_once_and_every_row_is_there_once(lite_server: LiteServer) -> None:
    names = ("first", "second")
    commands = [[sys.executable, "-c", CLIENT, lite_server.uri, name, str(BATCHES), str(ROWS)] for name in names]
    clients = [subprocess.Popen(each, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for each in commands]
    for client in clients:
        assert client.stdout
        assert client.stdout.readline() == "open\n"
    for client in clients:
        assert client.stdin
        client.stdin.write("go\n")
        client.stdin.flush()
    for client in clients:
        client.communicate()
        assert client.returncode == 0
    with opened(lite_server) as vectors:
        hits = vectors.search(vector_of("any"), 16_000)
        assert vectors.count() == len(hits) == len(names) * BATCHES * ROWS // 2 + ROWS
    assert len({hit.id for hit in hits}) == len(hits)


def test_calls_of_several_clients_are_answered_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most, original = [0], [0], collection.Collection.upsert

    def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # milvus_lite ships no types
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        Event().wait(0.02)  # time enough for another to come in
        inside[0] -= 1
        return original(*args, **kwargs)

    monkeypatch.setattr(collection.Collection, "upsert", watched)
    lite = Lite(tmp_path / "vectors", tmp_path / "socket")
    with Vectors(Place(lite.uri), Collection("p", DIMENSION)) as vectors, ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda number: vectors.upsert([a_row(str(number))]), range(8)))
    lite.stop()
    assert most == [1]


def test_a_server_that_is_killed_and_started_again_has_every_acknowledged_row_for_clients_that_waited(
    lite_server: LiteServer,
) -> None:
    with opened(lite_server) as vectors:
        vectors.upsert([a_row(str(number)) for number in range(100)])
        lite_server.kill()
        lite_server.start()
        assert vectors.count() == 100
        assert vectors.search(vector_of("7"), 1)[0].id == "7"
        vectors.upsert([a_row("new")])
        assert vectors.count() == 101


def test_the_socket_is_for_its_user_alone_and_goes_with_the_server(lite_server: LiteServer) -> None:
    assert stat.S_IMODE(lite_server.socket.stat().st_mode) == 0o600
    lite_server.stop()
    assert not lite_server.socket.exists()


def test_a_folder_that_is_served_is_busy_for_others_who_are_told_by_whom(lite_server: LiteServer) -> None:
    with pytest.raises(StoreBusy, match="in use by process"):
        Vectors(Place(str(lite_server.vectors)), Collection("p", DIMENSION))
    with pytest.raises(StoreBusy, match="in use by process"):
        serve_lite(lite_server.vectors, lite_server.folder / "other.sock", Event())


def test_a_socket_path_that_is_too_long_is_refused_with_its_length(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match=r"bytes; expected at most 107"):
        serve_lite(tmp_path / "vectors", tmp_path / ("x" * 107), Event())


def test_settling_moves_what_was_written_to_data_files_while_clients_are_served(tmp_path: Path) -> None:
    lite = Lite(tmp_path / "vectors", tmp_path / "socket")
    with Vectors(Place(lite.uri), Collection("p", DIMENSION)) as vectors:
        vectors.upsert([a_row("a")])
        assert list(tmp_path.rglob("data/*.parquet")) == []
        lite.settle()
        assert len(list(tmp_path.rglob("data/*.parquet"))) == 1
        assert vectors.search(vector_of("a"), 1)[0].id == "a"
    lite.stop()
