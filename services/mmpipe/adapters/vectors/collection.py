"""What a collection looks like (DESIGN 6), and whether one that is there looks like that.

One collection for each generation of a pipeline: ``mmpipe_<pipeline>_g1``. Clients search its alias. A collection's
schema is never altered: another dimension or metric means another embedding model, and that a new generation.

``store`` has one ready for a pipeline's own processes, ``keeping`` keeps one from outside (ADR 25).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mmpipe.adapters.errors import StoreMismatch
from mmpipe.adapters.vectors.faults import may_pass
from mmpipe.adapters.vectors.rows import MAX_MODEL_BYTES, MAX_SAMPLE_ID_BYTES, MAX_URI_BYTES
from mmpipe.resilience import deadline

METRIC = "COSINE"
GENERATION = 1
OUTPUT_FIELDS = ("sample_id", "modality", "segment_start_s", "segment_end_s", "uri", "model", "quality", "attributes")
"""What a hit brings back: everything but the vector."""
_MARK = "mmpipe pipeline "
"""How the description of a collection with an owner begins. Milvus keeps it as it was when the collection was made."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One pipeline's vectors: ``dimension`` long, indexed by HNSW with these parameters (see ``spec.sink.Index``).

    ``alias`` is what clients search; empty is the pipeline's name with underscores. ``namespace`` is written down with
    the collection, and one of another namespace is then no longer taken for this pipeline's; empty is nobody's.
    """

    pipeline: str
    dimension: int
    alias: str = ""
    m: int = 16
    ef_construction: int = 200
    ef_search: int = 128
    namespace: str = ""

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
    make(client, collection, store, lite=lite)
    client.load_collection(collection.name)
    point_alias(client, collection, store)


def make(client: Any, collection: Collection, store: str, *, lite: bool) -> int:  # noqa: ANN401  # untyped
    """Have the collection there, fitting and indexed; the length of its vectors.

    A ``dimension`` of 0 is whatever is there, and nothing is there to be made then. Raises StoreMismatch.
    """
    _ensure(lambda: client.has_collection(collection.name, **_timely()), lambda: _make(client, collection))
    description = client.describe_collection(collection.name, **_timely())
    check_ours(store, collection, description)
    dimension = _check_dimension(store, collection, description)
    _ensure(lambda: client.list_indexes(collection.name, **_timely()), lambda: _index(client, collection, lite=lite))
    _check_metric(store, collection, client.describe_index(collection.name, "vector", **_timely())["metric_type"])
    return dimension


def check_ours(store: str, collection: Collection, description: Mapping[str, Any]) -> None:
    """Raises StoreMismatch where mmpipe has not made it, or has for another pipeline."""
    missing = sorted({"id", "vector", *OUTPUT_FIELDS} - {field["name"] for field in description["fields"]})
    if missing:
        raise _mismatch(store, collection, f"no field {', '.join(missing)}", "a collection made by mmpipe")
    owner = description.get("description", "")
    if collection.namespace and owner.startswith(_MARK) and owner != _owner(collection):
        found = f"it to belong to the {owner.removeprefix('mmpipe ')}"
        expected = f"it to belong to {collection.namespace}/{collection.pipeline}"
        remedy = "give this pipeline another name, or set sink.milvus.database to a database of its own"
        raise StoreMismatch(_name(store, collection), found, expected, remedy)


def point_alias(client: Any, collection: Collection, store: str) -> None:  # noqa: ANN401  # untyped
    """Have the alias on the collection. Raises StoreMismatch where it is on another one, or the name of one."""
    from pymilvus.exceptions import MilvusException  # noqa: PLC0415  # slow to import: see ``store``

    alias = collection.searched_as
    try:
        _ensure(
            lambda: alias in client.list_aliases(collection.name, **_timely())["aliases"],
            lambda: client.create_alias(collection.name, alias, **_timely()),
        )
    except MilvusException as error:
        if may_pass(error):
            raise
        expected, remedy = f"it free or on {collection.name}", "set sink.milvus.alias to another name"
        raise StoreMismatch(f"{store}, alias {alias}", error.message, expected, remedy) from error


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

    described = {"description": _owner(collection)} if collection.namespace else {}
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False, **described)
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
    client.create_collection(collection.name, schema=schema, consistency_level="Strong", **_timely())


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
    client.create_index(collection.name, params, **_timely())


def _timely() -> dict[str, Any]:
    """As long as the deadline around it lasts, where there is one: making an index of many rows takes its time."""
    return {"timeout": deadline.timeout()}


def _check_dimension(store: str, collection: Collection, description: Mapping[str, Any]) -> int:
    found = next(int(field["params"]["dim"]) for field in description["fields"] if field["name"] == "vector")
    if collection.dimension not in {0, found}:
        expected = f"{collection.dimension}, that of the pipeline's model"
        raise _mismatch(store, collection, f"vectors of dimension {found}", expected)
    return found


def _check_metric(store: str, collection: Collection, found: str) -> None:
    if found != METRIC:
        raise _mismatch(store, collection, f"an index by {found}", f"one by {METRIC}")


def _mismatch(store: str, collection: Collection, found: str, expected: str) -> StoreMismatch:
    remedy = "give this pipeline another name, or take its old data away (a new model is a new generation)"
    return StoreMismatch(_name(store, collection), found, expected, remedy)


def _name(store: str, collection: Collection) -> str:
    return f"{store}, collection {collection.name}"


def _owner(collection: Collection) -> str:
    return f"{_MARK}{collection.namespace}/{collection.pipeline}"


def _milvus_name(pipeline: str) -> str:
    name = re.sub(r"\W", "_", pipeline, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() else name
