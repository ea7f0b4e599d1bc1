"""What a pipeline has the operator ask its neighbours: addresses and credentials, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmpipe.adapters.vectors import Collection, Place
from mmpipe.errors import MmpipeError
from mmpipe.models import ModelError, manifest
from mmpipe.models.package import BUILTIN
from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.sink import SecretRef

type Secrets = Mapping[tuple[str, str], str]
_BUILTIN = "builtin:"
_DIGITS = 12


class SecretMissing(MmpipeError):  # noqa: N818  # says what is the case
    """A Secret, or its key, is not there."""


@dataclass(frozen=True, slots=True)
class QueueQuestion:
    """Who is asked for a backlog."""

    url: str
    credentials: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LettersQuestion:
    """Who is asked for dead letters."""

    uri: str
    password: str = field(repr=False)


def queue_question(pipeline: MultimodalPipeline, secrets: Secrets) -> QueueQuestion:
    """Raises SecretMissing."""
    queue = pipeline.spec.source.queue
    nats = queue.nats if queue else None
    return QueueQuestion(nats.url if nats else "", secret(nats.credentials_secret_ref if nats else None, secrets))


def place(pipeline: MultimodalPipeline, secrets: Secrets) -> Place:
    """Where Milvus is. Raises SecretMissing."""
    milvus = pipeline.spec.sink.milvus
    return Place(milvus.uri, secret(milvus.token_secret_ref, secrets), milvus.database)


def letters_question(pipeline: MultimodalPipeline, secrets: Secrets) -> LettersQuestion:
    """Raises SecretMissing."""
    metadata = pipeline.spec.sink.metadata
    return LettersQuestion(metadata.uri, secret(metadata.password_secret_ref, secrets))


def collection(pipeline: MultimodalPipeline) -> Collection:
    """The pipeline's collection; of dimension 0 where nobody can know it before a worker has loaded the model."""
    milvus = pipeline.spec.sink.milvus
    index = milvus.index
    shape = (index.m, index.ef_construction, index.ef_search)
    dimension = milvus.dimension or known_dimension(pipeline) or 0
    return Collection(pipeline.metadata.name, dimension, milvus.alias, *shape)


def known_dimension(pipeline: MultimodalPipeline) -> int | None:
    """That of a shipped model; None for any other."""
    found = _shipped(pipeline)
    return found.dimension if found else None


def known_model(pipeline: MultimodalPipeline) -> str:
    """``name@digest`` of a shipped model; empty for any other."""
    found = _shipped(pipeline)
    return f"{found.name}@{found.digest[:_DIGITS]}" if found else ""


def secret(reference: SecretRef | None, secrets: Secrets) -> str:
    """What it names; empty without one. Raises SecretMissing naming Secret and key."""
    if reference is None:
        return ""
    try:
        return secrets[reference.name, reference.key]
    except KeyError:
        expected = f"a Secret {reference.name} with the key {reference.key}"
        raise SecretMissing(f"found none, expected {expected} in the pipeline's namespace; create it") from None


def _shipped(pipeline: MultimodalPipeline) -> manifest.Manifest | None:
    uri = pipeline.spec.modalities[0].embed.model.uri
    if not uri.startswith(_BUILTIN):
        return None
    try:
        return manifest.read(BUILTIN / uri.removeprefix(_BUILTIN))
    except ModelError:
        return None
