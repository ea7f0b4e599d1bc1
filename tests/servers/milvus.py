"""Milvus, the real server, alone on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.process import HOST, Server, built, folder_for, free_port, running


@pytest.fixture(scope="session")
def milvus_uri() -> Iterator[str]:
    program = built("milvus-2.3.5/bin/milvus-server")
    with folder_for("milvus") as folder:
        port = free_port()
        said = folder / "output"
        command = [program, "--data", folder, "--proxy-port", port]
        with running(Server(command, folder, lambda: "Ctrl+C to exit" in said.read_text())):
            yield f"http://{HOST}:{port}"
