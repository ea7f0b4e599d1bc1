"""The only importer of kopf: its watch of pipelines and its login, nothing else of it.

``on.event`` handlers alone, since they write nothing into the objects they see: no annotations, no finalizers, no
patches. Each event goes to one function, which looks at what it is about.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

type See = Callable[[str | None, Manifest], None]
"""Told of each event: its type (None for what was there at the start) and the object."""

_VERSION = names.API_VERSION.rpartition("/")[2]
_CHUNK = 100
"""Objects in one answer to a list, as in ``cluster.client``."""
_IDLE_S = 0.5
"""How long kopf keeps a task for an object of which it has told."""


async def watch(namespaces: tuple[str, ...], see: See, stop: asyncio.Event) -> None:
    """Watch pipelines of these namespaces, or of all where none is named, until ``stop`` is set."""
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it tells of every event, on every replica
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


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # what is watched is known, and needs no right to see all CRDs and namespaces
    settings.posting.enabled = False
    settings.watching.chunk_size = _CHUNK
    settings.queueing.idle_timeout = _IDLE_S
    settings.networking.request_timeout = 30
    return settings
