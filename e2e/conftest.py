"""End-to-end tests: real Kubernetes processes, real operators, the fixtures of ``e2e.cluster``."""

import signal

import pytest
from e2e.cluster.isolation import isolate

pytest_plugins = [
    "e2e.cluster.fixtures",
    "e2e.cluster.faults.fixtures",
    "e2e.cluster.results",
    "tests.servers.milvus",
    "tests.servers.nats",
    "tests.servers.postgres",
    "tests.servers.s3",
]


def pytest_sessionstart(session: pytest.Session) -> None:
    """A network of the session's own, unless the cluster is the user's; and SIGTERM stops it all as Ctrl-C does."""
    if not session.config.getoption("--kubeconfig"):
        isolate()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
