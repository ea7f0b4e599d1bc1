"""A Milvus Lite that a process of its own serves: one that tests share, others to be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.servers.process import Server, folder_for, running

_PROGRAM = """
import signal, sys
from pathlib import Path
from threading import Event
from mmpipe.adapters.vectors.lite import serve_lite

stop = Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
serve_lite(Path(sys.argv[1]), Path(sys.argv[2]), stop, lambda: print("ready", flush=True))
"""


class LiteServer(Server):
    """Every start is over the same folder and socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "milvus.sock"
        self.vectors = folder / "vectors"
        command = [sys.executable, "-c", _PROGRAM, self.vectors, self.socket]
        super().__init__(command, folder, lambda: self.output.read_text().endswith("ready\n"))

    @property
    def uri(self) -> str:
        return f"unix:{self.socket}"

    def start(self) -> None:
        self.output.unlink(missing_ok=True)
        super().start()


@contextmanager
def lite_running() -> Iterator[LiteServer]:
    with folder_for("lite") as folder, running(LiteServer(folder)) as server:
        assert isinstance(server, LiteServer)
        yield server


@pytest.fixture(scope="session")
def lite_uri() -> Iterator[str]:
    """Shared: name your pipeline after your test, and don't kill it."""
    with lite_running() as server:
        yield server.uri


@pytest.fixture
def lite_server() -> Iterator[LiteServer]:
    """The test's own: ``kill()`` and ``start()`` it."""
    with lite_running() as server:
        yield server
