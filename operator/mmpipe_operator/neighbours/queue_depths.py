"""How much waits in the queues of pipelines, asked at the moment when somebody wants to know (the metrics adapter).

``Neighbours`` asks for a status, every half minute and with patience: a number of half a minute ago, or one of a server
that has gone since, must not decide how many pods there are. Here an answer is the server's own of now, or an error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mmpipe.adapters.errors import StoreError
from mmpipe.adapters.queue import Lane, depth_of
from mmpipe.adapters.queue.watching import QueueWatch
from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline
from mmpipe_operator.neighbours.askers import told
from mmpipe_operator.neighbours.lines import Dealings, Lines, Pace
from mmpipe_operator.neighbours.neighbours import NeighbourError
from mmpipe_operator.neighbours.questions import Missing, QueueServer, Secrets, queue_server

_QUESTIONS_AT_ONCE = 64
"""On one connection; NATS answers each in a millisecond."""
IDLE_S = 300.0
"""How long a connection that nobody uses is kept."""


@dataclass(frozen=True, slots=True)
class Depth:
    """Samples waiting and in flight. ``total`` counts each once, ``parts`` once for each of its modalities."""

    total: int
    parts: Mapping[Modality, int]


class QueueDepths:
    """One connection for each server. Belongs to one event loop."""

    def __init__(self, timeout_s: float) -> None:
        """A question takes at most ``timeout_s``, and a server that is silent is left alone for as long."""
        pace = Pace(_QUESTIONS_AT_ONCE, 2 * timeout_s, timeout_s)  # the client's own limit comes first
        self._timeout_s = timeout_s
        self._lines = Lines(Dealings(self._connect, QueueWatch.close), pace)
        self._asked_at: dict[QueueServer, float] = {}

    async def of(self, pipeline: MultimodalPipeline, secrets: Secrets) -> Depth:
        """Of one pipeline; nothing waits where it has no stream yet. Raises NeighbourError, without any credential."""
        server = queue_server(pipeline, secrets)
        if isinstance(server, Missing):
            raise NeighbourError(server.message)
        metadata = pipeline.metadata
        self._asked_at[server] = time.monotonic()

        async def ask(watch: QueueWatch) -> dict[Lane, int]:
            return await watch.lanes(metadata.namespace, metadata.name) or {}

        try:
            lanes = await self._lines.ask(server, ask)
        except StoreError as error:
            raise NeighbourError(told(error, server)) from error
        return Depth(sum(lanes.values()), depth_of(lanes))

    async def let_go(self, idle_s: float = IDLE_S) -> None:
        """Hang up on servers that nobody has asked for a while."""
        since = time.monotonic() - idle_s
        self._asked_at = {server: at for server, at in self._asked_at.items() if at >= since}
        await self._lines.let_go(self._asked_at)

    async def close(self) -> None:
        """Hang up."""
        await self._lines.close()

    async def _connect(self, server: QueueServer) -> QueueWatch:
        return QueueWatch(server.url, server.credentials, self._timeout_s)
