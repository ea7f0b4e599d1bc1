"""Collections kept from outside the pipeline: made, checked and dropped by who looks after pipelines (the operator).

``collection`` is the one definition of what they look like. Whether something is ours is asked before it is dropped.
"""

from __future__ import annotations

from typing import Any

from mmpipe.adapters.errors import StoreMismatch, public_uri
from mmpipe.adapters.vectors.collection import OUTPUT_FIELDS, Collection, make_ready
from mmpipe.adapters.vectors.faults import faults_named
from mmpipe.adapters.vectors.store import Place


class CollectionKeeper:
    """A Milvus server, not an embedded one. Safe for threads. Raises StoreError."""

    def __init__(self, place: Place, timeout_s: float = 5.0) -> None:
        """Connect. ``timeout_s`` bounds the connection and every question."""
        from pymilvus import MilvusClient  # noqa: PLC0415  # slow to import: see ``store``

        self._name = public_uri(place.uri)
        with faults_named(self._name):
            self._client: Any = MilvusClient(place.uri, token=place.token, db_name=place.database, timeout=timeout_s)

    def keep(self, collection: Collection) -> None:
        """Have it there, with its index and its alias. Raises StoreMismatch for what is there and differs."""
        with faults_named(self._name):
            make_ready(self._client, collection, self._name, lite=False)
            self._check_index(collection)

    def dimension(self, collection: Collection) -> int | None:
        """Length of the vectors that are in it; None where it is not there."""
        with faults_named(self._name):
            if not self._client.has_collection(collection.name):
                return None
            fields = self._client.describe_collection(collection.name)["fields"]
        return next((int(field["params"]["dim"]) for field in fields if field["name"] == "vector"), None)

    def drop(self, collection: Collection) -> bool:
        """Drop collection and alias; whether there was one. Raises StoreMismatch for one that mmpipe has not made."""
        with faults_named(self._name):
            if not self._client.has_collection(collection.name):
                return False
            self._check_ours(collection)
            for alias in self._client.list_aliases(collection.name)["aliases"]:
                self._client.drop_alias(alias)
            self._client.drop_collection(collection.name)
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _check_ours(self, collection: Collection) -> None:
        fields = {field["name"] for field in self._client.describe_collection(collection.name)["fields"]}
        if not fields >= {"id", "vector", *OUTPUT_FIELDS}:
            found = f"the fields {', '.join(sorted(fields))}"
            where = f"{self._name}, collection {collection.name}"
            raise StoreMismatch(where, found, "a collection made by mmpipe", "drop it by hand, if it is to go")

    def _check_index(self, collection: Collection) -> None:
        found = self._client.describe_index(collection.name, "vector")
        kind, m, ef = (str(found.get(name)) for name in ("index_type", "M", "efConstruction"))
        if (kind, m, ef) != ("HNSW", str(collection.m), str(collection.ef_construction)):
            where = f"{self._name}, collection {collection.name}"
            expected = f"HNSW with M {collection.m} and efConstruction {collection.ef_construction}"
            remedy = "set sink.milvus.index to what is there, or drop the index by hand: it is made anew"
            raise StoreMismatch(where, f"an index {kind} with M {m} and efConstruction {ef}", expected, remedy)
