"""NATS JetStream: one server that tests share, and servers of their own for tests that kill them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.servers.process import HOST, Server, built, folder_for, free_port, running

from mmpipe.adapters.queue.server import configuration


class NatsServer(Server):
    """Every start is over the same folder and port, so what was durable before is there again."""

    def __init__(self, folder: Path, port: int | None = None, extra: str = "") -> None:
        """``extra`` is appended to the configuration."""
        self.port = port or free_port()
        config = folder / "nats.conf"
        config.write_text(configuration(folder / "jetstream", HOST, self.port) + extra)
        super().__init__([built("bin/nats-server"), "--config", config], folder, lambda: _greets(self.port))

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"


@contextmanager
def nats_running(extra: str = "") -> Iterator[NatsServer]:
    with folder_for("nats") as folder:
        server = NatsServer(folder, extra=extra)
        with running(server):
            yield server


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """Shared: name your pipeline after your test, and don't kill it."""
    with nats_running() as server:
        yield server.url


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    """The test's own: ``kill()`` and ``start()`` it."""
    with nats_running() as server:
        yield server


def _greets(port: int) -> bool:
    """It listens only once JetStream has recovered its streams; the greeting says that it serves."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0 and probe.recv(5) == b"INFO "
