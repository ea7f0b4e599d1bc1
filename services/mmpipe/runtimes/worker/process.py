"""A worker process: what it opens, in which order it closes, and how it stops.

SIGTERM: no more is pulled, what is in flight is finished within ``serving.drainSeconds``, the rest is given back to the
queue at once. Kill it instead and the queue gives its samples to another worker when their leases end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmpipe import telemetry
from mmpipe.adapters.fetch import Fetcher
from mmpipe.adapters.queue import Queue
from mmpipe.adapters.sink import Sink, Stores
from mmpipe.resilience.breaker import Breakers, State
from mmpipe.runtimes import home
from mmpipe.runtimes.path import DataPath
from mmpipe.runtimes.remote_path import RemotePath
from mmpipe.runtimes.stage_clients import Endpoints, StageClients
from mmpipe.runtimes.worker.arrival import Arrivals
from mmpipe.runtimes.worker.commits import Commits
from mmpipe.runtimes.worker.courier import Courier, Crew
from mmpipe.runtimes.worker.lanes import Lanes
from mmpipe.runtimes.worker.ledger import Ledger
from mmpipe.runtimes.worker.room import Room
from mmpipe.spec import MultimodalPipeline

_STATES = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}
"""As the catalogue has them."""

SOURCE = "gateway"
"""Where a worker's samples are from, as the metadata say it."""


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker works: which pipeline, its data folder, its services, and its queue."""

    pipeline: MultimodalPipeline
    data: Path
    endpoints: Endpoints
    queue: Queue


async def work(post: Post, stopping: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Work until ``stopping`` is set, then drain. ``ready`` is called when samples are being pulled.

    Raises StoreError where a store cannot be used at the start; later ones are waited for.
    """
    async with AsyncExitStack() as opened:
        stores, sink = opened.enter_context(_stores(post))
        stages = StageClients(post.pipeline.spec, post.endpoints)
        opened.push_async_callback(stages.close)
        opened.callback(_observed(stages.breakers))
        commits = Commits(sink)
        await opened.enter_async_context(_running(commits))
        crew = _crew(post, stores, sink, commits, stages, stopping)
        opened.callback(crew.arrivals.close)
        lanes = Lanes(post.queue, _room(post.pipeline), Courier(crew).take)
        opened.callback(telemetry.observe("mmpipe.worker.age", lambda: [(lanes.oldest_s(), {})]))
        pulling = asyncio.create_task(lanes.run())
        ready()
        await _first_of(pulling, stopping)
        await lanes.finish(post.pipeline.spec.serving.drain_seconds)


def _crew(
    post: Post, stores: Stores, sink: Sink, commits: Commits, stages: StageClients, stopping: asyncio.Event
) -> Crew:
    spec = post.pipeline.spec
    fetcher = Fetcher(spec.source.references, stores.objects, home.cache_folder(post.pipeline, post.data))
    return Crew(
        path=RemotePath(spec, stages),
        arrivals=Arrivals(fetcher, stores.objects),
        sink=sink,
        commits=commits,
        ledger=Ledger(stores.metadata),
        reliability=spec.reliability,
        stopping=stopping,
    )


def _room(pipeline: MultimodalPipeline) -> Room:
    return Room(pipeline.spec.worker.max_samples, pipeline.spec.worker.max_bytes)


@contextmanager
def _stores(post: Post) -> Iterator[tuple[Stores, Sink]]:
    path, spec = DataPath(post.pipeline.spec), post.pipeline.spec
    recipe = home.recipe_of(spec, path.package.identity)
    with home.open_stores(post.pipeline, post.data, path) as stores:
        originals = spec.sink.objects.originals
        with Sink.open(stores, recipe=recipe, source=SOURCE, originals=originals, shared=True) as sink:
            yield stores, sink


@asynccontextmanager
async def _running(commits: Commits) -> AsyncIterator[None]:
    """The writer, for as long as couriers may hand samples over."""
    writing = asyncio.create_task(commits.run())
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _first_of(pulling: asyncio.Task[None], stopping: asyncio.Event) -> None:
    """Until the worker is to stop, or pulling ends by itself, which only a bug makes it do."""
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({pulling, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if pulling.done():
        pulling.result()
    pulling.cancel()
    await asyncio.gather(pulling, return_exceptions=True)


def _observed(breakers: Breakers) -> Callable[[], None]:
    """The breakers' states among the metrics; what it returns ends that."""
    return telemetry.observe("mmpipe.breaker.state", lambda: _states(breakers))


def _states(breakers: Breakers) -> Sequence[tuple[float, dict[str, str]]]:
    return [(_STATES[state], {"dependency": name}) for name, state in breakers.states().items()]
