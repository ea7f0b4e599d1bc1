"""End-to-end tests: real Kubernetes processes, real operators, the fixtures of ``e2e.cluster``."""

import signal

pytest_plugins = [
    "e2e.cluster.fixtures",
    "e2e.cluster.faults.fixtures",
    "e2e.cluster.results",
    "tests.servers.milvus",
    "tests.servers.nats",
    "tests.servers.postgres",
    "tests.servers.s3",
]


def pytest_sessionstart() -> None:
    """A run that ``timeout`` or a CI ends by SIGTERM stops its cluster, as one that Ctrl-C ends does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
