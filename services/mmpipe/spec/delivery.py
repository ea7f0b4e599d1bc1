"""How samples come in and how hard the pipeline tries: source, reliability, lifecycle."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.model import GIB, ClusterOnly, SpecModel
from mmpipe.spec.sink import SecretRef, StoreUri


class Files(SpecModel):
    """Folders, archives and manifests that `mmpipe run` reads."""

    max_bytes: Annotated[int, Field(ge=1)] = 16 * GIB
    """Largest file or archive member, in bytes."""
    max_decompression_ratio: Annotated[float, Field(ge=1)] = 200
    """Most unpacked bytes per packed byte of an archive; a bomb has more."""


class Nats(SpecModel):
    """A NATS JetStream server."""

    url: Annotated[StoreUri, Field(min_length=1)]
    """`nats://host:4222`."""
    credentials_secret_ref: SecretRef | None = None
    """NATS credentials file."""


class Kafka(SpecModel):
    """A Kafka cluster."""

    bootstrap_servers: Annotated[str, Field(min_length=1, max_length=2048)]
    """`host:9092,host:9092`."""
    topic: Annotated[str, Field(min_length=1, max_length=249)]
    """Topic that holds the samples."""
    credentials_secret_ref: SecretRef | None = None
    """SASL credentials."""


class Queue(SpecModel):
    """The durable queue between gateway and worker."""

    nats: Nats | None = None
    kafka: Kafka | None = None


class Source(SpecModel):
    """Where samples come from."""

    files: Files = Files()
    queue: Annotated[Queue | None, ClusterOnly()] = None


class Retry(SpecModel):
    """Exponential backoff with full jitter."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 4
    """Most attempts of one call, the first included."""
    initial_backoff_seconds: Annotated[float, Field(gt=0)] = 0.1
    """Upper bound of the first pause; it doubles with each attempt."""
    max_backoff_seconds: Annotated[float, Field(gt=0)] = 5.0
    """Upper bound of any pause."""


class Breaker(SpecModel):
    """When a dependency is left alone for a while."""

    failure_ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of failed calls in the window that opens the breaker."""
    slow_call_seconds: Annotated[float, Field(gt=0)] = 10.0
    """A call that takes longer counts as slow."""
    slow_call_ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of slow calls in the window that opens the breaker."""
    window_calls: Annotated[int, Field(ge=1)] = 20
    """Length of the sliding window, in calls."""
    open_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long it stays open before probes are let through."""
    half_open_calls: Annotated[int, Field(ge=1)] = 2
    """Most probes at once while half open."""


class Reliability(SpecModel):
    """How hard the pipeline tries before it gives up on a sample."""

    deadline_seconds: Annotated[float, Field(gt=0), ClusterOnly()] = 60
    """Most time for one sample, from queue to sink."""
    retry: Retry = Retry()
    breaker: Annotated[Breaker, ClusterOnly()] = Breaker()
    max_deliveries: Annotated[int, Field(ge=1), ClusterOnly()] = 5
    """Deliveries after which a sample becomes a dead letter; a crash counts as one."""


class Lifecycle(SpecModel):
    """Whether it runs, and what deleting the object deletes."""

    state: Annotated[Literal["Running", "Paused"], ClusterOnly()] = "Running"
    """`Paused` scales to zero and keeps the rest."""
    deletion_policy: Annotated[Literal["Retain", "Delete"], ClusterOnly()] = "Retain"
    """Whether the collections outlive the object."""
