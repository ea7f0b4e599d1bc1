"""PostgreSQL over a fresh cluster."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from tests.servers.process import HOST, Server, answers, folder_for, free_port, installed, running

_USER = "postgres" if os.geteuid() == 0 else ""
"""PostgreSQL refuses to run as root."""


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    binaries = installed("initdb").resolve().parent
    with folder_for("postgres", _USER) as folder:
        as_user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"] if _USER else []
        data, port = folder / "data", free_port()
        subprocess.run([*as_user, binaries / "initdb", "-D", data, "-U", "mmpipe", "--auth=trust"], check=True)
        uri = f"postgresql://mmpipe@{HOST}:{port}/postgres"
        command = [*as_user, binaries / "postgres", "-D", data, "-p", port, "-h", HOST, "-k", folder, "-F"]
        with running(Server(command, folder, lambda: answers(port) and _takes_queries(uri), signal.SIGINT)):
            yield uri


def _takes_queries(uri: str) -> bool:
    try:
        psycopg.connect(uri).close()
    except psycopg.OperationalError:
        return False
    return True
