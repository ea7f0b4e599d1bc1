"""The only importer of kopf: its watch of pipelines and its login, nothing else of it.

``on.event`` handlers alone, since they write nothing into the objects they see: no annotations, no finalizers, no
patches. Each event goes to one function, which looks at what it is about.

kopf runs in a thread and a loop of its own. When it ends, it cancels every task of its loop, also those of others; and
in a main thread it takes the signals (1.45).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import kopf

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

type See = Callable[[str | None, Manifest], object]
"""Told of each event: its type (None for what was there at the start) and the object."""

_VERSION = names.API_VERSION.rpartition("/")[2]
_CHUNK = 100
"""Objects in one answer to a list, as in ``cluster.client``."""
_IDLE_S = 0.02
"""How long kopf keeps a task for an object of which it has told."""
_PAUSES_S = (1, 1, 2, 3, 5, *(100 * (10,)))
"""Before each new try of a request. By default the longest is 21 s: an API server that is back waits for it."""


async def watch(namespaces: tuple[str, ...], see: See) -> None:
    """Watch pipelines of these namespaces, or of all where none is named, until cancelled.

    ``see`` is called in the loop of the caller. Raises what kopf ends with, such as an answer that it does not expect:
    whatever happened since then has to be listed.
    """
    ours, its, stop = asyncio.get_running_loop(), asyncio.new_event_loop(), asyncio.Event()
    watching = _watching(namespaces, lambda event, manifest: ours.call_soon_threadsafe(see, event, manifest), stop)
    thread = ours.run_in_executor(None, _run, its, watching)
    try:
        await asyncio.shield(thread)
    finally:
        with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
            its.call_soon_threadsafe(stop.set)


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)


async def _watching(namespaces: tuple[str, ...], see: See, stop: asyncio.Event) -> None:
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it tells of every event, on every replica
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)  # it warns that it can't take the signals
    registry = kopf.OperatorRegistry()
    _log_in(registry)
    kopf.on.event(names.GROUP, _VERSION, names.PLURAL, id="see", registry=registry)(_handler(see))
    await kopf.operator(
        registry=registry,
        settings=_settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )


def _handler(see: See) -> Callable[..., Awaitable[None]]:
    async def on_event(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401  # kopf awaits its handlers
        manifest: Manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, **event["object"]}
        see(event["type"], manifest)

    return on_event


def _log_in(registry: kopf.OperatorRegistry) -> None:
    kopf.on.login(registry=registry, id="kubeconfig")(kopf.login_with_kubeconfig)
    kopf.on.login(registry=registry, id="service-account")(kopf.login_with_service_account)


class _NoEssence(kopf.DiffBaseStorage):
    """For handlers of changes kopf copies every object five times, to see what has changed in it; we have none."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None) -> kopf.BodyEssence:  # noqa: ARG002  # kopf's
        """Nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002  # as above
        """None."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nowhere."""


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoEssence()
    settings.scanning.disabled = True  # what is watched is known, and needs no right to see all CRDs and namespaces
    settings.posting.enabled = False
    settings.watching.chunk_size = _CHUNK
    settings.queueing.idle_timeout = _IDLE_S
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = _PAUSES_S
    return settings
