"""Real servers on loopback for tests marked ``server``: each fixture starts its own once, when first asked for.

``postgres_uri``, ``milvus_uri``, ``s3``, ``nats_url``, ``redis_url`` and ``lite_uri`` are shared; ``nats_server`` and
``lite_server`` are the test's own, to be killed. ``tests/servers/build.sh`` puts their programs where they are looked
for.
"""

pytest_plugins = [
    "tests.servers.lite",
    "tests.servers.milvus",
    "tests.servers.nats",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.s3",
]
