"""Real servers on loopback for tests marked ``server``: each fixture starts its own once, when first asked for.

``postgres_uri``, ``milvus_uri``, ``s3``, ``nats_url``, ``redis_url`` and ``lite_uri`` are shared; ``nats_server`` and
``lite_server`` are the test's own, to be killed. ``tests/servers/build.sh`` puts their programs where they are looked
for.
"""

import signal

pytest_plugins = [
    "tests.servers.lite",
    "tests.servers.milvus",
    "tests.servers.nats",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.s3",
]


def pytest_sessionstart() -> None:
    """A run that ``timeout`` or a CI ends by SIGTERM stops its servers, as one that Ctrl-C ends does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
