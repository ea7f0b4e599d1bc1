"""Redis in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.process import HOST, Server, answers, folder_for, free_port, installed, running


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with folder_for("redis") as folder:
        port = free_port()
        options = ["--bind", HOST, "--port", port, "--dir", folder, "--save", "", "--appendonly", "no"]
        with running(Server([installed("redis-server"), *options], folder, lambda: answers(port))):
            yield f"redis://{HOST}:{port}/0"
