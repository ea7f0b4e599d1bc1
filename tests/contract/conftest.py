"""The stores that the contracts are asked of: the embedded ones, and the same classes over real servers.

A contract test takes ``vectors``, ``metadata``, ``objects`` or ``stores`` and runs once with each kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from pymilvus import MilvusClient

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.dead_letters import DeadLetter
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.sink import Stores
from mmpipe.adapters.vectors import Collection, Place, Vectors
from mmpipe.records import Modality
from mmpipe.testing import DIMENSION, MemoryVectors

KINDS = [pytest.param("embedded"), pytest.param("server", marks=pytest.mark.server)]
_number = itertools.count()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pipeline() -> str:
    """A name of its own for each test, since tests share the servers."""
    return f"contract-{next(_number)}"


@pytest.fixture
def vectors_kind(kind: str) -> str:
    """Tests of vectors alone ask a served Milvus Lite too."""
    return kind


def place_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Place:
    if kind == "embedded":
        return Place(str(folder / "vectors"))
    return Place(request.getfixturevalue({"served": "lite_uri", "server": "milvus_uri"}[kind]))


@pytest.fixture
def vectors_place(vectors_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return place_of(vectors_kind, tmp_path, request)


@pytest.fixture
def open_vectors(vectors_place: Place, pipeline: str) -> Iterator[Callable[[], Vectors]]:
    yield lambda: Vectors(vectors_place, Collection(pipeline, DIMENSION))
    drop(vectors_place, Collection(pipeline, DIMENSION))


def drop(place: Place, collection: Collection) -> None:
    """Take a test's collection off a server that others share: each one that is loaded makes loading slower."""
    if place.embedded or place.lite:
        return
    with closing(MilvusClient(place.uri)) as client:
        if client.has_collection(collection.name):
            client.drop_alias(collection.searched_as)
            client.drop_collection(collection.name)


@pytest.fixture
def vectors(open_vectors: Callable[[], Vectors]) -> Iterator[Vectors]:
    with open_vectors() as opened:
        yield opened


@pytest.fixture(params=[pytest.param("memory"), pytest.param("served"), *KINDS])
def any_vectors(request: pytest.FixtureRequest, tmp_path: Path, pipeline: str) -> Iterator[Vectors | MemoryVectors]:
    """Milvus of all kinds, and the fake that stands for it in unit tests."""
    if request.param == "memory":
        yield MemoryVectors()
        return
    place, collection = place_of(request.param, tmp_path, request), Collection(pipeline, DIMENSION)
    with Vectors(place, collection) as opened:
        yield opened
    drop(place, collection)


@pytest.fixture
def metadata_uri(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "embedded":
        return str(tmp_path / "metadata.sqlite")
    server: str = request.getfixturevalue("postgres_uri")
    database = f"contract_{next(_number)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    return server.rpartition("/")[0] + "/" + database


@pytest.fixture
def metadata(metadata_uri: str, pipeline: str) -> Iterator[Metadata]:
    with Metadata(metadata_uri, pipeline) as opened:
        yield opened


@pytest.fixture
def objects(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Objects:
    if kind == "embedded":
        return Objects.open(str(tmp_path / "objects"))
    s3 = request.getfixturevalue("s3")
    return Objects.open(s3.uri, s3.credentials)


@pytest.fixture
def open_stores(
    open_vectors: Callable[[], Vectors], objects: Objects, metadata_uri: str, pipeline: str
) -> Callable[[], Stores]:
    return lambda: Stores(open_vectors(), objects, Metadata(metadata_uri, pipeline))


@pytest.fixture
def a_letter() -> Callable[..., DeadLetter]:
    """Builds a dead letter of a sample, with what the test changes."""
    moment = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)

    def build(sample_id: str, **changed: object) -> DeadLetter:
        letter = DeadLetter(
            sample_id=sample_id,
            envelope=b"envelope",
            lane="text-image",
            modalities=(Modality.TEXT, Modality.IMAGE),
            stage="image.decode",
            reason="ValueError: a surprise",
            attempts=5,
            redrives=0,
            trace_id="f" * 32,
            accepted_at=moment,
            first_seen=moment,
            last_seen=moment,
        )
        return replace(letter, **changed)  # type: ignore[arg-type]  # a builder

    return build
