"""The only importer of kopf: its watches and its login, nothing else of it.

``on.event`` handlers alone, since they write nothing into the objects they see: no annotations, no finalizers, no
patches. Each event goes to one function, which looks at what it is about.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import kopf

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE, Kind, Manifest

type See = Callable[[str | None, Manifest], None]
"""Told of each event: its type (None for what was there at the start) and the object."""

_CHUNK = 500


async def watch(kinds: Iterable[Kind], namespaces: tuple[str, ...], see: See, stop: asyncio.Event) -> None:
    """Watch these kinds until ``stop`` is set: pipelines all, the others by our label. No namespace is all of them."""
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it tells of every event, on every replica
    kinds = tuple(kinds)
    registry = kopf.OperatorRegistry()
    _log_in(registry)
    for kind in kinds:
        _handle(registry, kind, see)
    await kopf.operator(
        registry=registry,
        settings=_settings(kinds),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )


def _handle(registry: kopf.OperatorRegistry, kind: Kind, see: See) -> None:
    group, _, version = kind.api_version.rpartition("/")

    async def on_event(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401  # kopf awaits its handlers
        manifest: Manifest = {"apiVersion": kind.api_version, "kind": kind.kind, **event["object"]}
        see(event["type"], manifest)

    kopf.on.event(group, version, kind.plural, id=f"see-{kind.plural}", registry=registry)(on_event)


def _log_in(registry: kopf.OperatorRegistry) -> None:
    kopf.on.login(registry=registry, id="kubeconfig")(kopf.login_with_kubeconfig)
    kopf.on.login(registry=registry, id="service-account")(kopf.login_with_service_account)


def _settings(kinds: Iterable[Kind]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # what is watched is known, and needs no right to see all CRDs and namespaces
    settings.posting.enabled = False
    settings.watching.chunk_size = _CHUNK
    settings.networking.request_timeout = 30
    for kind in kinds:
        if kind is not PIPELINE:
            group, _, version = kind.api_version.rpartition("/")
            settings.watching.label_selectors[group, version, kind.plural] = names.PIPELINE_LABEL
    return settings
