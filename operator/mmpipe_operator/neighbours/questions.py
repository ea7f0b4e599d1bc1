"""What a pipeline has the operator ask its neighbours: addresses and credentials, resolved.

Equal questions have one answer, so these records are also the keys by which connections are shared, and what tells
whether an edit of the spec or of a Secret makes another question. No credential is in their text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern

from mmpipe.adapters.vectors import Collection, Place
from mmpipe.models import ModelError, manifest
from mmpipe.models.locating import resolve
from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.sink import SecretRef

type Secrets = Mapping[tuple[str, str], str]
"""Values by (name, key); what is not there is absent."""

_BUILTIN = "builtin:"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class QueueServer:
    """Who is asked for a backlog."""

    url: str
    credentials: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LettersDatabase:
    """Who is asked for dead letters."""

    uri: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """In place of who is asked: a Secret, or its key, is not there."""

    message: str


@dataclass(frozen=True, slots=True)
class Questions:
    """All that one pipeline asks."""

    namespace: str
    name: str
    queue: QueueServer | Missing
    place: Place | Missing
    letters: LettersDatabase | Missing
    collection: Collection
    """Of dimension 0 where nobody can know it before a worker has loaded the model."""
    model: str
    """``name@digest`` of a shipped model; empty for any other."""

    @property
    def whom(self) -> tuple[QueueServer | Missing, Place | Missing, LettersDatabase | Missing]:
        """Everybody who is asked."""
        return self.queue, self.place, self.letters


def questions(pipeline: MultimodalPipeline, secrets: Secrets) -> Questions:
    """What this spec asks, with these secrets."""
    metadata, sink = pipeline.metadata, pipeline.spec.sink
    return Questions(
        namespace=metadata.namespace,
        name=metadata.name,
        queue=queue_server(pipeline, secrets),
        place=_with(sink.milvus.token_secret_ref, secrets, lambda value: _place(pipeline, value)),
        letters=_with(
            sink.metadata.password_secret_ref, secrets, lambda value: LettersDatabase(intern(sink.metadata.uri), value)
        ),
        collection=_collection(pipeline),
        model=_model(pipeline),
    )


def queue_server(pipeline: MultimodalPipeline, secrets: Secrets) -> QueueServer | Missing:
    """Whom this spec asks for its backlog, with these secrets."""
    source = pipeline.spec.source
    nats = source.queue.nats if source.queue else None
    url, credentials = (nats.url, nats.credentials_secret_ref) if nats else ("", None)
    return _with(credentials, secrets, lambda value: QueueServer(intern(url), value))


def _with[Q](reference: SecretRef | None, secrets: Secrets, ask: Callable[[str], Q]) -> Q | Missing:
    value = secrets.get((reference.name, reference.key)) if reference else ""
    if reference is None or value is not None:
        return ask(value or "")
    key = f"Secret {reference.name}, key {reference.key}"
    return Missing(f"{key}: found none, expected one in the pipeline's namespace; create it")


def _place(pipeline: MultimodalPipeline, token: str) -> Place:
    milvus = pipeline.spec.sink.milvus
    return Place(intern(milvus.uri), token, intern(milvus.database))


def _collection(pipeline: MultimodalPipeline) -> Collection:
    milvus, shipped = pipeline.spec.sink.milvus, _shipped(_uri(pipeline))
    dimension = milvus.dimension or (shipped.dimension if shipped else 0)
    shape = (milvus.index.m, milvus.index.ef_construction, milvus.index.ef_search)
    metadata = pipeline.metadata
    return Collection(metadata.name, dimension, milvus.alias, *shape, namespace=metadata.namespace)


def _model(pipeline: MultimodalPipeline) -> str:
    shipped = _shipped(_uri(pipeline))
    return f"{shipped.name}@{shipped.digest[:_DIGITS]}" if shipped else ""


def _uri(pipeline: MultimodalPipeline) -> str:
    """All modalities have one model."""
    return pipeline.spec.modalities[0].embed.model.uri


@lru_cache(64)
def _shipped(uri: str) -> manifest.Manifest | None:
    """The description of a model that comes with mmpipe; the network itself is not read. None for any other."""
    if not uri.startswith(_BUILTIN):
        return None
    try:
        return manifest.read(resolve(uri))
    except ModelError:
        return None
