"""A fetcher that may speak to loopback, as only a test's may, and one that may not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.unit.adapters.fetch.sites import MemoryObjects, certificate_for

from mmpipe.adapters.fetch import Fetcher
from mmpipe.spec.delivery import References

ALLOWED = References(schemes=("https", "http"), private_networks="Allow", timeout_seconds=20)
STRICT = References(schemes=("https", "http"), timeout_seconds=20)

type MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
def fetcher(objects: MemoryObjects, folder: Path) -> Fetcher:
    """May fetch from loopback."""
    return Fetcher(ALLOWED, objects, folder)


@pytest.fixture
def strict(objects: MemoryObjects, folder: Path) -> MakeFetcher:
    """``strict(resolve=…)``: global addresses only."""
    return partial(Fetcher, STRICT, objects, folder)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for(tmp_path_factory.mktemp("certificates"), "media.test")
