"""A gateway from a pipeline object: its stores, queue, stage services and limits, opened and let go of.

The only module here that reads the spec as a whole; the others are given what they need.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mmpipe.adapters.cache import Cache, MemoryCache, RedisCache
from mmpipe.adapters.channels import Credentials
from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.objects import Objects
from mmpipe.adapters.stores import Stores
from mmpipe.adapters.vectors import Collection, Vectors
from mmpipe.records import Floats, Part, Sample
from mmpipe.resilience.breaker import Breakers
from mmpipe.runtimes import home
from mmpipe.runtimes.gateway.acceptance import Door
from mmpipe.runtimes.gateway.authentication import identification
from mmpipe.runtimes.gateway.dead_letters import DeadLetters
from mmpipe.runtimes.gateway.dependencies import Dependency
from mmpipe.runtimes.gateway.faults import Refusal, unanswered
from mmpipe.runtimes.gateway.ingest import Ingest
from mmpipe.runtimes.gateway.limits import TenantLimits
from mmpipe.runtimes.gateway.observing import Observed
from mmpipe.runtimes.gateway.quarantine import Quarantine
from mmpipe.runtimes.gateway.queueing import ANSWER_S, GuardedQueue, LateQueue
from mmpipe.runtimes.gateway.recording import Recorder
from mmpipe.runtimes.gateway.samples import Samples
from mmpipe.runtimes.gateway.searching import Embed, Origin, Searching
from mmpipe.runtimes.gateway.server import Listening
from mmpipe.runtimes.gateway.service import Nouns
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.runtimes.gateway.uploads import Uploads
from mmpipe.runtimes.path import DataPath
from mmpipe.runtimes.remote_path import RemotePath
from mmpipe.runtimes.search import query_vector
from mmpipe.runtimes.stage_clients import Endpoints, StageClients, StageUnavailable
from mmpipe.runtimes.stage_clients.clients import Asked
from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.processes import Cache as CacheOptions
from mmpipe.spec.processes import Gateway as GatewayOptions

_log = logging.getLogger(__name__)

_GREETING_S = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a gateway is told: its pipeline, the folder of embedded stores, its services, and where it listens."""

    pipeline: MultimodalPipeline
    data: Path
    endpoints: Endpoints
    address: str = "127.0.0.1:50050"
    metrics_port: int | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a gateway asks: each is opened by its first question. Uploads take as long as they take."""

    breakers: Breakers
    queue: LateQueue
    objects: Store[Objects]
    uploads: Store[Objects]
    metadata: Store[Metadata]
    vectors: Store[Vectors]

    def all_stores(self) -> Stores:
        """Those that a deletion goes through, for the calling thread."""
        return Stores(self.vectors.opened(), self.objects.opened(), self.metadata.opened())

    def close(self) -> None:
        """Let go of all that was opened, but the queue, which closes in its event loop."""
        self.uploads.close(_nothing)
        self.objects.close(_nothing)
        self.metadata.close(Metadata.close)
        self.vectors.close(Vectors.close)


@asynccontextmanager
async def opened(settings: Settings, stopping: asyncio.Event) -> AsyncIterator[tuple[Nouns, Observed]]:
    """What the methods of a gateway are about, and what telemetry says of it.

    Raises SpecError where a secret is missing or the spec names no queue. A neighbour that is down is no reason.
    """
    pipeline = settings.pipeline
    async with AsyncExitStack() as stack:
        neighbours = _neighbours(settings)
        stack.callback(neighbours.close)
        stack.push_async_callback(neighbours.queue.close)
        await _greet(neighbours, pipeline)
        recorder = Recorder(lambda batch: neighbours.metadata.answer(lambda store: store.acceptances.record(batch)))
        stack.push_async_callback(recorder.close)
        stages = StageClients(pipeline.spec, settings.endpoints)
        stack.push_async_callback(stages.close)
        door = _door(pipeline, neighbours, recorder)
        searching = _searching(pipeline, neighbours, embedding(RemotePath(pipeline.spec, stages)), door.limits)
        if searching.cache:
            stack.push_async_callback(searching.cache.close)
        observed = Observed(neighbours.queue, (neighbours.breakers, stages.breakers))
        yield _nouns(door, neighbours, searching, stopping), observed


def listening(settings: Settings) -> Listening:
    """Where the gateway listens, and to whom. Raises SpecError where a secret is missing or cannot be used."""
    options, spec = settings.pipeline.spec.gateway, settings.pipeline.spec
    tokens = home.secret(options.authentication.tokens_secret_ref)
    return Listening(
        address=settings.address,
        identify=identification(options.authentication, tokens),
        credentials=_credentials(options),
        max_sample_bytes=options.limits.max_sample_bytes,
        drain_s=spec.serving.drain_seconds,
    )


def embedding(path: RemotePath) -> Embed:
    """Queries through the stage services, ahead of samples."""

    async def embed(parts: Sequence[Part]) -> Floats:
        try:
            embedded = await path.embed(Sample("query", tuple(parts)), Asked(lane="query"))
        except StageUnavailable as error:
            raise unanswered(error.dependency, error.retry_after_s) from error
        return query_vector(parts, embedded)

    return embed


def _neighbours(settings: Settings) -> Neighbours:
    pipeline, data = settings.pipeline, settings.data
    path = DataPath(pipeline.spec)

    breakers = Breakers(pipeline.spec.reliability.breaker)

    def objects() -> Objects:
        return home.open_objects(pipeline, data)

    def needed(name: str) -> Dependency:
        return Dependency(name, breakers.of(name))

    return Neighbours(
        breakers=breakers,
        queue=LateQueue(lambda: home.open_queue(pipeline)),
        objects=Store(needed("objects"), objects),
        uploads=Store(Dependency("objects", answer_s=None), objects),
        metadata=Store(needed("metadata"), lambda: home.open_metadata(pipeline, data)),
        vectors=Store(needed("vectors"), lambda: home.open_vectors(pipeline, data, path)),
    )


async def _greet(neighbours: Neighbours, pipeline: MultimodalPipeline) -> None:
    """Ask each neighbour once, so that the first caller need not wait, and a spec that cannot be used shows now.

    One that does not answer soon is asked again by who needs it. A Milvus Lite in the data folder is left alone: it is
    one process's at a time, and others may want it before.
    """
    greetings: dict[str, Awaitable[object]] = {
        "queue": neighbours.queue.opened(),
        "metadata": neighbours.metadata.ask(_nothing),
        "objects": neighbours.objects.ask(_nothing),
    }
    if ":" in pipeline.spec.sink.milvus.uri:
        greetings["vectors"] = neighbours.vectors.ask(Vectors.open)
    await asyncio.gather(*(_tolerantly(name, greeting) for name, greeting in greetings.items()))


async def _tolerantly(name: str, greeting: Awaitable[object]) -> None:
    """A neighbour that is down is no reason not to start."""
    try:
        async with asyncio.timeout(_GREETING_S):
            await greeting
    except (StoreError, Refusal, TimeoutError) as error:
        _log.warning("starts without %s: %s", name, str(error) or "no answer yet")


def _door(pipeline: MultimodalPipeline, neighbours: Neighbours, recorder: Recorder) -> Door:
    return Door(
        queue=GuardedQueue(neighbours.queue, Dependency("queue", neighbours.breakers.of("queue"), ANSWER_S)),
        objects=neighbours.objects,
        metadata=neighbours.metadata,
        recorder=recorder,
        limits=TenantLimits(pipeline.spec.gateway.limits, time.monotonic),
        schemes=pipeline.spec.source.references.schemes,
        now=lambda: datetime.now(UTC),
    )


def _nouns(door: Door, neighbours: Neighbours, searching: Searching, stopping: asyncio.Event) -> Nouns:
    return Nouns(
        door=door,
        ingest=Ingest(door, stopping),
        uploads=Uploads(neighbours.uploads, door.limits),
        samples=Samples(neighbours.metadata, Store(Dependency("stores"), neighbours.all_stores), stopping),
        searching=searching,
        dead_letters=DeadLetters(neighbours.metadata, door.queue, stopping),
        quarantine=Quarantine(door),
    )


def _searching(pipeline: MultimodalPipeline, neighbours: Neighbours, embed: Embed, limits: TenantLimits) -> Searching:
    package = DataPath(pipeline.spec).package
    collection = Collection(pipeline.metadata.name, package.dimension)
    options = pipeline.spec.gateway.cache
    return Searching(
        embed=embed,
        vectors=neighbours.vectors,
        origin=Origin(collection.name, package.identity),
        schemes=pipeline.spec.source.references.schemes,
        limits=limits,
        cache=_cache(pipeline, options),
        ttl_s=options.ttl_seconds,
    )


def _cache(pipeline: MultimodalPipeline, options: CacheOptions) -> Cache | None:
    if options.ttl_seconds == 0:
        return None
    if not options.redis_uri:
        return MemoryCache(options.max_entries)
    prefix = f"mmpipe:{pipeline.metadata.namespace}:{pipeline.metadata.name}:"
    return RedisCache.open(options.redis_uri, prefix, home.secret(options.password_secret_ref))


def _credentials(options: GatewayOptions) -> Credentials | None:
    """TLS as the spec says; clients need a certificate only where they are told apart by it."""
    tls = options.tls
    if tls.certificate_secret_ref is None:
        return None
    mutual = options.authentication.mode == "MutualTls"
    return Credentials(
        authority=home.secret(tls.client_authority_secret_ref).encode() if mutual else None,
        certificate=home.secret(tls.certificate_secret_ref).encode(),
        key=home.secret(tls.private_key_secret_ref).encode(),
    )


def _nothing(_: object) -> None:
    """What is asked only to see whether there is an answer."""
