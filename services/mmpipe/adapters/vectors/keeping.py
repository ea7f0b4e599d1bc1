"""Collections kept from outside the pipeline: made, checked and dropped by who looks after pipelines (the operator).

``collection`` is the one definition of what they look like. They are not loaded here: that takes a server's memory, and
the pipeline's own processes do it when they start. Nothing is dropped before it is known to be the pipeline's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from mmpipe.adapters.errors import StoreMismatch, StoreRefused, StoreUnreachable, public_uri
from mmpipe.adapters.vectors.collection import Collection, check_ours, make, point_alias
from mmpipe.adapters.vectors.faults import faults_named
from mmpipe.adapters.vectors.store import Place
from mmpipe.resilience import deadline
from mmpipe.resilience.deadline import DeadlinePassed


class CollectionKeeper:
    """A Milvus server, not an embedded one. Safe for threads, which take turns. Raises StoreError."""

    def __init__(self, place: Place, timeout_s: float = 5.0) -> None:
        """Connect. ``timeout_s`` bounds the connection and every method."""
        self._name = public_uri(place.uri)
        self._timeout_s = timeout_s
        self._turn = Lock()
        if place.lite:
            where = f"sink.milvus.uri {self._name}".strip()
            raise StoreRefused(where, "no server", "http://host:19530", "name a Milvus server")
        from pymilvus import MilvusClient  # noqa: PLC0415  # slow to import: see ``store``

        options = {"token": place.token, "db_name": place.database, "timeout": timeout_s}
        with faults_named(self._name):
            self._client: Any = MilvusClient(place.uri, **options)

    def keep(self, collection: Collection) -> int | None:
        """Have it there, with its index and its alias; the length of its vectors.

        Of ``dimension`` 0 it is not made but taken as it is, and None where it is not there. Raises StoreMismatch for
        what is there and differs.
        """
        with self._asking():
            if not collection.dimension and not self._is_there(collection):
                return None
            dimension = make(self._client, collection, self._name, lite=False)
            self._check_index(collection)
            point_alias(self._client, collection, self._name)
        return dimension

    def drop(self, collection: Collection) -> bool:
        """Drop collection and aliases; whether there was one. Raises StoreMismatch where it is not this pipeline's."""
        with self._asking():
            if not self._is_there(collection):
                return False
            check_ours(self._name, collection, self._client.describe_collection(collection.name, **_timely()))
            for alias in self._client.list_aliases(collection.name, **_timely())["aliases"]:
                self._client.drop_alias(alias, **_timely())
            self._client.drop_collection(collection.name, **_timely())
        return True

    def close(self) -> None:
        """Let go of the connection; who waits for an answer gets none."""
        self._client.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One at a time: making and dropping the same collection must not meet."""
        with self._turn, deadline.within(self._timeout_s), faults_named(self._name):
            try:
                yield
            except DeadlinePassed as error:
                expected = f"an answer within {self._timeout_s:g} s"
                raise StoreUnreachable(self._name, "a slow one", expected, "see that Milvus is well") from error

    def _is_there(self, collection: Collection) -> bool:
        return bool(self._client.has_collection(collection.name, **_timely()))

    def _check_index(self, collection: Collection) -> None:
        found = self._client.describe_index(collection.name, "vector", **_timely())
        kind, m, ef = (str(found.get(name)) for name in ("index_type", "M", "efConstruction"))
        if (kind, m, ef) != ("HNSW", str(collection.m), str(collection.ef_construction)):
            where = f"{self._name}, collection {collection.name}"
            expected = f"HNSW with M {collection.m} and efConstruction {collection.ef_construction}"
            remedy = "set sink.milvus.index to what is there, or drop the index by hand: it is made anew"
            raise StoreMismatch(where, f"an index {kind} with M {m} and efConstruction {ef}", expected, remedy)


def _timely() -> dict[str, Any]:
    return {"timeout": deadline.timeout()}
