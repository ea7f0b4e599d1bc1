"""Where a pipeline lives on one machine: its stores, opened by its spec, and the folder of the embedded ones.

    mmpipe-data/<pipeline>/
     ├── pipeline.json   the object as it was last run, so that a search needs to be told nothing
     ├── objects/        originals by SHA-256, unless spec.sink.objects.uri names another place
     ├── metadata.db     SQLite, unless spec.sink.metadata.uri does
     └── vectors/        Milvus Lite, unless spec.sink.milvus.uri does

Secrets come from the environment under the name of their reference (``MMPIPE_SECRET_<NAME>_<KEY>``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe.adapters.inputs import InputLimits
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.reading import MetadataReader
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.sink import Sink, Stores
from mmpipe.adapters.vectors import Collection, Place, Vectors
from mmpipe.runtimes.path import DataPath
from mmpipe.spec import MultimodalPipeline, PipelineSpec, Problem, SpecError, parse
from mmpipe.spec.sink import SecretRef

if TYPE_CHECKING:
    from mmpipe.adapters.queue import Queue

DATA = "mmpipe-data"
ANSWERS = 1
"""Raised whenever the code of a stage changes its answers: what was stored by older code is then computed again."""

_PIPELINE = "pipeline.json"
_PLACEMENT = {"scaling", "template"}
_ANSWERING = ("decode", "clean", "augment", "embed")


@contextmanager
def open_sink(pipeline: MultimodalPipeline, data: Path, path: DataPath, source: str) -> Iterator[Sink]:
    """Begin a run of the pipeline over an input; its stores are made where they are missing. Raises StoreError."""
    recipe = recipe_of(pipeline.spec, path.package.identity)
    originals = pipeline.spec.sink.objects.originals
    with open_stores(pipeline, data, path) as stores:
        remember(pipeline, data)
        with Sink.open(stores, recipe=recipe, source=source, originals=originals) as sink:
            yield sink


@contextmanager
def open_stores(pipeline: MultimodalPipeline, data: Path, path: DataPath) -> Iterator[Stores]:
    """The pipeline's three stores, made where they are missing. Raises StoreError."""
    folder = _folder(pipeline, data)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        vectors = opened.enter_context(open_vectors(pipeline, data, path))
        metadata = opened.enter_context(open_metadata(pipeline, data))
        yield Stores(vectors, open_objects(pipeline, data), metadata)


def open_vectors(pipeline: MultimodalPipeline, data: Path, path: DataPath) -> Vectors:
    """The pipeline's collection. Raises StoreError where it cannot be had or does not fit the model."""
    milvus = pipeline.spec.sink.milvus
    place = Place(
        milvus.uri or str(_folder(pipeline, data) / "vectors"), secret(milvus.token_secret_ref), milvus.database
    )
    index = milvus.index
    shape = (index.m, index.ef_construction, index.ef_search)
    return Vectors(place, Collection(pipeline.metadata.name, path.package.dimension, milvus.alias, *shape))


def open_reader(pipeline: MultimodalPipeline, data: Path) -> MetadataReader:
    """Questions about the pipeline's samples."""
    return open_metadata(pipeline, data).reader


def open_metadata(pipeline: MultimodalPipeline, data: Path) -> Metadata:
    """What is known about the pipeline's samples. Raises StoreError."""
    metadata = pipeline.spec.sink.metadata
    uri = metadata.uri or str(_folder(pipeline, data) / "metadata.db")
    return Metadata(uri, pipeline.metadata.name, secret(metadata.password_secret_ref))


def open_objects(pipeline: MultimodalPipeline, data: Path) -> Objects:
    """The pipeline's originals."""
    objects = pipeline.spec.sink.objects
    credentials = secret(objects.credentials_secret_ref)
    uri = objects.uri or str(_folder(pipeline, data) / "objects")
    return Objects.open(uri, json.loads(credentials) if credentials else None)


def stored_pipeline(data: Path, name: str | None) -> MultimodalPipeline:
    """The pipeline that was last run under ``name``, or the only one in the data folder. Raises SpecError otherwise."""
    names = sorted(folder.parent.name for folder in data.glob(f"*/{_PIPELINE}"))
    if not names:
        raise SpecError(
            [Problem(str(data), "no pipeline", "one that has run", "run mmpipe run INPUT first, or give --data")]
        )
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        expected = f"one of {', '.join(names)}"
        raise SpecError([Problem("--pipeline", name or "nothing", expected, "name the pipeline to use")])
    file = data / name / _PIPELINE
    return parse(file.read_text(), str(file))


def cache_folder(pipeline: MultimodalPipeline, data: Path) -> Path:
    """Where processes of this machine keep media that they fetched; safe to delete while none runs."""
    return _folder(pipeline, data) / "cache"


async def open_queue(pipeline: MultimodalPipeline) -> Queue:
    """The pipeline's durable queue. Raises SpecError where the spec names none, StoreError where it does not answer."""
    from mmpipe.adapters.queue.jetstream import JetStream  # noqa: PLC0415  # only services have nats-py

    queue = pipeline.spec.source.queue
    if queue is None or queue.nats is None:
        remedy = "name a NATS server, or start all processes with mmpipe up"
        raise SpecError([Problem("spec.source.queue", "none", "nats: {url: nats://host:4222}", remedy)])
    credentials = secret(queue.nats.credentials_secret_ref)
    return await JetStream.open(queue.nats.url, pipeline.metadata.namespace, pipeline.metadata.name, credentials)


def remember(pipeline: MultimodalPipeline, data: Path) -> None:
    """Have the object at hand for a search that is told nothing: whole or not at all, whoever else is reading it."""
    file = _folder(pipeline, data) / _PIPELINE
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(pipeline.model_dump_json(by_alias=True, indent=2))
    draft.replace(file)


def limits(spec: PipelineSpec) -> InputLimits:
    """What an input may ask of this machine."""
    files = spec.source.files
    return InputLimits(max_bytes=files.max_bytes, max_decompression_ratio=files.max_decompression_ratio)


def recipe_of(spec: PipelineSpec, model: str) -> str:
    """A digest of everything that decides an answer: options of the stages, fusion, model and code."""
    stages = {str(m.name): m.model_dump(mode="json", include=set(_ANSWERING)) for m in spec.modalities}
    fusion = spec.fusion.model_dump(mode="json", exclude=_PLACEMENT)
    joint = [spec.alignment.model_dump(mode="json"), fusion]
    recipe = json.dumps([ANSWERS, stages, joint, model], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()


def secret(reference: SecretRef | None) -> str:
    """What a reference names, from the environment; empty without a reference. Raises SpecError where it is not set."""
    if reference is None:
        return ""
    variable = reference.variable
    value = os.environ.get(variable)
    if value is None:
        remedy = f"export {variable}=... before the run"
        raise SpecError(
            [Problem(f"secret {reference.name}", f"no {variable} in the environment", "the secret", remedy)]
        )
    return value


def _folder(pipeline: MultimodalPipeline, data: Path) -> Path:
    return data.absolute() / pipeline.metadata.name
