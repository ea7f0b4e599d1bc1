"""The pytest fixture ``proxy``: where the faults of a test happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.cluster.faults.proxy import Proxy
from e2e.cluster.session import Cluster


@pytest.fixture
def proxy(cluster: Cluster, tmp_path: Path) -> Iterator[Proxy]:
    """In front of the session's API server; it changes nothing until it is told to."""
    with Proxy(cluster.client.access, tmp_path).serving() as serving:
        yield serving
