"""How samples come in and how hard the pipeline tries: source, reliability, lifecycle."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmpipe.spec.model import GIB, ClusterOnly, Later, ServicesOnly, SpecModel
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
    kafka: Annotated[
        Kafka | None, Later("Kafka comes with the ingest release; leave kafka out and name a NATS server")
    ] = None


class References(SpecModel):
    """Media that a sample only refers to, fetched by the services."""

    schemes: Annotated[tuple[Literal["https", "http"], ...], Field(max_length=2)] = ("https",)
    """Kinds of URI that are fetched, beside the pipeline's own object store; empty refuses all others."""
    private_networks: Literal["Refuse", "Allow"] = "Refuse"
    """Whether addresses that are not global (loopback, private) may be fetched from. Link-local ones and those of the
    clouds' metadata never are."""
    max_bytes: Annotated[int, Field(ge=1)] = 16 * GIB
    """Largest medium."""
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """Most redirects; each target is checked like the first."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Most time for one medium."""


class Source(SpecModel):
    """Where samples come from."""

    files: Files = Files()
    queue: Annotated[Queue | None, ServicesOnly()] = None
    references: Annotated[References, ServicesOnly()] = References()


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

    deadline_seconds: Annotated[float, Field(gt=0), ServicesOnly()] = 60
    """Most time for one sample from a worker to the sink; a long recording or film gets it anew for each segment."""
    retry: Retry = Retry()
    breaker: Annotated[Breaker, ServicesOnly()] = Breaker()
    when_unavailable: Annotated[Literal["Wait", "Degrade"], ServicesOnly()] = "Wait"
    """What becomes of a sample while the stages of one of its modalities are down (their breaker is open): it waits in
    the queue, or it goes on without that modality, says so, and is completed when it is sent again."""
    max_deliveries: Annotated[int, Field(ge=1), ServicesOnly()] = 5
    """Deliveries after which a sample becomes a dead letter; a crash counts as one."""


class Lifecycle(SpecModel):
    """Whether it runs, and what deleting the object deletes."""

    state: Annotated[Literal["Running", "Paused"], ClusterOnly()] = "Running"
    """`Paused` scales to zero and keeps the rest."""
    deletion_policy: Annotated[Literal["Retain", "Delete"], ClusterOnly()] = "Retain"
    """Whether the collections outlive the object."""
