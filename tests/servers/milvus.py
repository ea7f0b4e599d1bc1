"""Milvus, the real server, alone on its network: its etcd has a port that can't be chosen, so others wait for it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.process import HOST, Server, built, folder_for, free_port, running

_NETWORK = Path("/proc/self/ns/net")
"""Where this process is, and so what it locks: a session of e2e has a network of its own."""
_PARTS = ("ROOTCOORD", "DATACOORD", "QUERYCOORD", "INDEXCOORD", "QUERYNODE", "DATANODE", "INDEXNODE", "PROXY")
_AT_HOME = tuple(f"{part}_IP={HOST}" for part in _PARTS)
"""Where its parts find each other: by themselves they take any address of the machine, such as one that another test
session's cluster has for a while (``e2e.cluster.addresses``)."""


@pytest.fixture(scope="session")
def milvus_uri() -> Iterator[str]:
    program = built("milvus-2.3.5/bin/milvus-server")
    with _NETWORK.open() as turn, folder_for("milvus") as folder:
        fcntl.flock(turn, fcntl.LOCK_EX)
        port = free_port()
        said = folder / "output"
        command = ["env", *_AT_HOME, program, "--data", folder, "--proxy-port", port]
        with running(Server(command, folder, lambda: "Ctrl+C to exit" in said.read_text())):
            yield f"http://{HOST}:{port}"
