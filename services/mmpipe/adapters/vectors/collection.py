"""What a collection looks like (DESIGN 6), and whether one that is there looks like that.

One collection for each generation of a pipeline: ``mmpipe_<pipeline>_g1``. Clients search its alias. A collection's
schema is never altered: another dimension or metric means another embedding model, and that a new generation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.vectors.rows import MAX_MODEL_BYTES, MAX_SAMPLE_ID_BYTES, MAX_URI_BYTES

METRIC = "COSINE"
GENERATION = 1
OUTPUT_FIELDS = ("sample_id", "modality", "segment_start_s", "segment_end_s", "uri", "model", "quality", "attributes")
"""What a hit brings back: everything but the vector."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One pipeline's vectors: ``dimension`` long, indexed by HNSW with these parameters (see ``spec.sink.Index``).

    ``alias`` is what clients search; empty is the pipeline's name with underscores.
    """

    pipeline: str
    dimension: int
    alias: str = ""
    m: int = 16
    ef_construction: int = 200
    ef_search: int = 128

    @property
    def name(self) -> str:
        """The collection's own name, of the letters that Milvus allows."""
        return f"mmpipe_{_milvus_name(self.pipeline)}_g{GENERATION}"

    @property
    def searched_as(self) -> str:
        """The alias."""
        return self.alias or _milvus_name(self.pipeline)


def make_ready(client: Any, collection: Collection, store: str, *, lite: bool) -> None:  # noqa: ANN401  # untyped
    """Have the collection there, fitting, indexed, loaded and under its alias; each step may have been done before.

    Or it is being done by another process just now: what can't be made is looked for once more. ``client`` is a
    pymilvus MilvusClient. Raises StoreMismatch naming collection or alias, found, expected and remedy.
    """
    _ensure(lambda: client.has_collection(collection.name), lambda: _make(client, collection))
    _check_fields(store, collection, client.describe_collection(collection.name))
    _ensure(lambda: client.list_indexes(collection.name), lambda: _index(client, collection, lite=lite))
    _check_metric(store, collection, client.describe_index(collection.name, "vector")["metric_type"])
    client.load_collection(collection.name)
    _point_alias(client, collection, store)


def _ensure(there: Callable[[], object], make: Callable[[], None]) -> None:
    from pymilvus.exceptions import MilvusException  # noqa: PLC0415  # slow to import: see ``store``

    if there():
        return
    try:
        make()
    except MilvusException:
        if not there():
            raise


def _make(client: Any, collection: Collection) -> None:  # noqa: ANN401  # untyped
    from pymilvus import DataType  # noqa: PLC0415  # slow to import: see ``store``

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=32)
    schema.add_field("sample_id", DataType.VARCHAR, max_length=MAX_SAMPLE_ID_BYTES)
    schema.add_field("modality", DataType.VARCHAR, max_length=16)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=collection.dimension)
    schema.add_field("segment_start_s", DataType.DOUBLE)
    schema.add_field("segment_end_s", DataType.DOUBLE)
    schema.add_field("uri", DataType.VARCHAR, max_length=MAX_URI_BYTES)
    schema.add_field("model", DataType.VARCHAR, max_length=MAX_MODEL_BYTES)
    schema.add_field("quality", DataType.FLOAT)
    schema.add_field("attributes", DataType.JSON)
    client.create_collection(collection.name, schema=schema, consistency_level="Strong")


def _index(client: Any, collection: Collection, *, lite: bool) -> None:  # noqa: ANN401  # untyped
    """HNSW, but FLAT in Milvus Lite.

    FLAT is exact, and searches 30,000 rows of 256 dimensions in 60 ms; Milvus Lite's HNSW takes 40 ms but adds 10 s to
    closing (measured with milvus-lite 3.2.2), and closing is part of every run.
    """
    params = client.prepare_index_params()
    if lite:
        params.add_index("vector", index_name="vector", index_type="FLAT", metric_type=METRIC)
    else:
        hnsw = {"M": collection.m, "efConstruction": collection.ef_construction}
        params.add_index("vector", index_name="vector", index_type="HNSW", metric_type=METRIC, params=hnsw)
    client.create_index(collection.name, params)


def _check_fields(store: str, collection: Collection, description: Mapping[str, Any]) -> None:
    fields = {field["name"]: field for field in description["fields"]}
    missing = sorted({"id", "vector", *OUTPUT_FIELDS} - set(fields))
    if missing:
        raise _mismatch(store, collection, f"no field {', '.join(missing)}", "a collection made by mmpipe")
    found = int(fields["vector"]["params"]["dim"])
    if found != collection.dimension:
        expected = f"{collection.dimension}, that of the pipeline's model"
        raise _mismatch(store, collection, f"vectors of dimension {found}", expected)


def _check_metric(store: str, collection: Collection, found: str) -> None:
    if found != METRIC:
        raise _mismatch(store, collection, f"an index by {found}", f"one by {METRIC}")


def _point_alias(client: Any, collection: Collection, store: str) -> None:  # noqa: ANN401  # untyped
    from pymilvus.exceptions import MilvusException  # noqa: PLC0415  # slow to import: see ``store``

    alias = collection.searched_as
    try:
        _ensure(
            lambda: alias in client.list_aliases(collection.name)["aliases"],
            lambda: client.create_alias(collection.name, alias),
        )
    except MilvusException as error:
        expected, remedy = f"it free or on {collection.name}", "set sink.milvus.alias to another name"
        raise StoreMismatch(f"{store}, alias {alias}", error.message, expected, remedy) from error


def _mismatch(store: str, collection: Collection, found: str, expected: str) -> StoreMismatch:
    remedy = "give this pipeline another name, or take its old data away (a new model is a new generation)"
    return StoreMismatch(f"{store}, collection {collection.name}", found, expected, remedy)


def _milvus_name(pipeline: str) -> str:
    name = re.sub(r"\W", "_", pipeline, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() else name
