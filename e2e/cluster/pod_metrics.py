"""Metrics of played pods: where a pod's status says, something answers as the process would that is not there.

One thread serves all pods of a namespace. What they say is a test's to change at any time. Neighbours: ``kubelet``
plays the pods; the metrics adapter and the operator read here.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

from e2e.cluster.client import Client
from e2e.cluster.watching import Watch

from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator import names
from mmpipe_operator.kinds import POD, Manifest

_SAID = ("mmpipe.server.queue.depth", "mmpipe.server.in_flight")
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"


class PodMetrics:
    """By pipeline and process: ``waiting`` are calls in each of its pods, ``more`` is what else each of them says."""

    def __init__(self) -> None:
        self.waiting: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.more: defaultdict[tuple[str, str], str] = defaultdict(str)
        self._servers: dict[str, asyncio.Server] = {}
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def telling(self, client: Client, namespace: str) -> Iterator[PodMetrics]:
        """Inside the block every pod of a namespace that has an address answers there."""
        with asyncio.Runner() as runner:
            over = asyncio.Event()
            thread = threading.Thread(target=runner.run, args=(over.wait(),), daemon=True)
            self._loop = runner.get_loop()
            thread.start()
            try:
                with Watch(client, POD, self._serve, self._end, namespace).following():
                    yield self
            finally:
                with self._turn:  # the watch ends a little later
                    loop, self._loop = self._loop, None
                loop.call_soon_threadsafe(over.set)
                thread.join()
                for server in self._servers.values():
                    server.close()

    def _serve(self, pod: Manifest) -> None:
        uid, address = pod["metadata"]["uid"], pod.get("status", {}).get("podIP")
        with self._turn:
            if address and uid not in self._servers and self._loop is not None:
                self._servers[uid] = _asked(self._loop, self._started(pod, address))

    def _end(self, pod: Manifest) -> None:
        with self._turn:
            server = self._servers.pop(pod["metadata"]["uid"], None)
            if server is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(server.close)

    async def _started(self, pod: Manifest, address: str) -> asyncio.Server:
        labels = pod["metadata"]["labels"]
        process = labels[names.PIPELINE_LABEL], labels[names.COMPONENT_LABEL]

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            lines = (f"{METRICS[name].prometheus} {self.waiting[process]}\n" for name in _SAID)
            body = "".join(lines) + self.more[process]
            writer.write((_HEAD.format(len(body)) + body).encode())
            await writer.drain()
            writer.close()

        return await asyncio.start_server(answer, address, names.METRICS_PORT)


def _asked[T](loop: asyncio.AbstractEventLoop, question: Coroutine[None, None, T]) -> T:
    """The answer from a loop that another thread runs."""
    return asyncio.run_coroutine_threadsafe(question, loop).result()
