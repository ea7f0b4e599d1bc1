"""The process around the services: threads, health, reflection, warm-up before the first call, drain at the end.

Order of a start: weights load and every network has run once, then the port opens and health says SERVING. Order of an
end: health says NOT_SERVING, clients turn away, no new calls are let in, those that are in are answered, threads end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mmpipe import telemetry
from mmpipe.adapters.channels import listen, server_options
from mmpipe.adapters.health import Health
from mmpipe.adapters.interceptors import InFlight, server_interceptors
from mmpipe.models.package import Payload
from mmpipe.records import Clip, Modality
from mmpipe.runtimes.chain import VERBS
from mmpipe.runtimes.stage_server.batching import Batcher
from mmpipe.runtimes.stage_server.fetching import Fetch, Readying
from mmpipe.runtimes.stage_server.lanes import Limits
from mmpipe.runtimes.stage_server.measuring import computed, measured
from mmpipe.runtimes.stage_server.servicers import Desk, StageServicer
from mmpipe.runtimes.stage_server.work import Workshop
from mmpipe.spec import PipelineSpec
from mmpipe.v1 import (
    chain_pb2,
    chain_pb2_grpc,
    clean_pb2,
    clean_pb2_grpc,
    decode_pb2,
    decode_pb2_grpc,
    embed_pb2,
    embed_pb2_grpc,
    fuse_pb2,
    fuse_pb2_grpc,
)

QUEUED_BATCHES = 4
"""Bytes that may wait, in batches of ``maxBatchBytes``."""
SPARE_THREADS, MOST_THREADS = 32, 4096
"""Threads of gRPC beyond those that wait for an answer, so that a refusal never waits for one; and the most of all."""
QUIET_S, LAME_DUCK_S = 0.2, 2.0
"""Without a call for so long, clients have seen NOT_SERVING; after the latter, those that come do not look at it."""
LAST_BATCH_S = 1.0
"""How long the last batch is waited for when its callers have been cut off; its thread dies with the process."""
_SECOND = 16_000

type Added = tuple[str, Any]
"""A service: its full name, and the function that adds it to a server."""


@dataclass(frozen=True, slots=True)
class Serves:
    """What a process has: modalities, which of their stages, and whether it fuses."""

    modalities: tuple[Modality, ...]
    verbs: tuple[str, ...] = VERBS
    fuse: bool = False


class StageServer:
    """One process' worth of stages. ``start`` and then ``drain``, once each."""

    def __init__(self, spec: PipelineSpec, serves: Serves, fetch: Fetch, threads: int | None = None) -> None:
        """Nothing loads yet. ``threads`` compute: one for each core where None."""
        self._workshop = Workshop(spec, serves.modalities, serves.verbs, measured)
        self._batcher = Batcher(_limits(spec), threads or cores(), spec.serving.max_wait_seconds, compute=computed)
        self._readying = Readying(fetch)
        self._health = Health()
        self._in_flight = InFlight()
        self._server = grpc.server(
            ThreadPoolExecutor(_call_threads(spec, threads or cores()), thread_name_prefix="mmpipe-call"),
            options=server_options(),
            interceptors=list(server_interceptors(self._in_flight)),
        )
        self._names = self._add_services(serves)
        self._closing = ExitStack()

    def start(self, address: str = "127.0.0.1:0") -> int:
        """Warm up, listen, say SERVING; the port. Raises ModelError, or AddressRefused for a port that is taken."""
        warm_up(self._workshop)
        port = listen(self._server, address)
        self._batcher.start()
        self._closing.callback(telemetry.observe("mmpipe.server.queue.depth", self._depth))
        self._closing.callback(telemetry.observe("mmpipe.server.in_flight", self._in_flight.read))
        self._server.start()
        for name in ("", *self._names):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return port

    def drain(self, within_s: float) -> bool:
        """Stop: calls that are in are answered, for at most that long. False where some were cut off."""
        until = time.monotonic() + within_s
        self._health.enter_graceful_shutdown()
        self._turn_clients_away(min(LAME_DUCK_S, within_s))
        left_s = max(0.0, until - time.monotonic())
        stopped = self._server.stop(left_s)
        whole = stopped.wait(left_s)
        stopped.wait()
        self._batcher.close()
        self._readying.close()
        self._closing.close()
        return self._batcher.join(LAST_BATCH_S) and whole

    def _turn_clients_away(self, within_s: float) -> None:
        """Keep answering until those who watch our health have gone: none has called for a while.

        gRPC ends a call that reaches a stopping server with CANCELLED, which nobody retries (grpc/grpc#41785).
        """
        pause, until = threading.Event(), time.monotonic() + within_s
        pause.wait(min(QUIET_S, within_s))
        while self._batcher.quiet_s() < QUIET_S and time.monotonic() < until:
            pause.wait(QUIET_S / 10)

    def _add_services(self, serves: Serves) -> list[str]:
        """Those with something to serve; a call of another one is UNIMPLEMENTED. Their names."""
        servicer = StageServicer(Desk(self._workshop, self._batcher, self._readying))
        names = []
        for name, add in _services(serves):
            add(servicer, self._server)
            names.append(name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        return names

    def _depth(self) -> list[tuple[float, dict[str, str]]]:
        waiting = self._batcher.waiting()
        return [(waiting[True], {"lane": "query"}), (waiting[False], {"lane": "ingest"})]


def warm_up(workshop: Workshop) -> None:
    """Build every stage, and run every network once: the first call is as fast as the second."""
    for modality in workshop.modalities:
        workshop.chained(modality, workshop.verbs)
        if "embed" in workshop.verbs:
            workshop.package.tower(modality)([_PAYLOADS[modality]])


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _services(serves: Serves) -> Iterable[Added]:
    stages: Sequence[tuple[bool, Any, Any]] = (
        ("decode" in serves.verbs, decode_pb2, decode_pb2_grpc.add_DecodeServiceServicer_to_server),
        ("clean" in serves.verbs, clean_pb2, clean_pb2_grpc.add_CleanServiceServicer_to_server),
        ("embed" in serves.verbs, embed_pb2, embed_pb2_grpc.add_EmbedServiceServicer_to_server),
        (True, chain_pb2, chain_pb2_grpc.add_ChainServiceServicer_to_server),
    )
    for served, module, add in stages:
        if served and serves.modalities:
            yield _name(module), add
    if serves.fuse:
        yield _name(fuse_pb2), fuse_pb2_grpc.add_FuseServiceServicer_to_server


def _name(module: Any) -> str:  # noqa: ANN401  # a generated module
    (service,) = module.DESCRIPTOR.services_by_name.values()
    return str(service.full_name)


def _limits(spec: PipelineSpec) -> Limits:
    serving = spec.serving
    return Limits(
        batch_items=serving.max_batch_items,
        batch_bytes=serving.max_batch_bytes,
        queued_items=serving.max_queued_items,
        queued_bytes=QUEUED_BATCHES * serving.max_batch_bytes,
        ageing_s=serving.ageing_seconds,
    )


def _call_threads(spec: PipelineSpec, threads: int) -> int:
    """More than there can be calls that wait or are computed; each holds a thread of gRPC."""
    serving = spec.serving
    return min(MOST_THREADS, serving.max_queued_items + threads * serving.max_batch_items + SPARE_THREADS)


_PAYLOADS: dict[Modality, Payload] = {
    Modality.TEXT: "warm",
    Modality.IMAGE: np.zeros((64, 64, 3), np.uint8),
    Modality.AUDIO: np.zeros(_SECOND, np.float32),
    Modality.VIDEO: Clip(np.zeros((1, 64, 64, 3), np.uint8), np.zeros(1, np.float32)),
    Modality.DEPTH: np.ones((64, 64), np.float32),
}
"""Anything that a network takes."""
