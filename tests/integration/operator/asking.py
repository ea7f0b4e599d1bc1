"""The operator's neighbours over real servers: a pipeline that asks one of them, and what is reported in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mmpipe.spec import MultimodalPipeline, from_object
from mmpipe_operator.neighbours import Neighbours
from mmpipe_operator.status import Report

NOBODY = {"name": "nobody", "key": "has"}
"""A Secret that is not there: its neighbour is not asked, and answers at once."""
_PATIENCE_S = 40.0
_INTERVAL_S = 0.1
_TIMEOUT_S = 1.0


def a_pipeline(
    name: str,
    namespace: str = "prod",
    model: str = "builtin:tiny",
    **asked: Any,  # noqa: ANN401  # JSON
) -> MultimodalPipeline:
    """Asks only whom ``asked`` names, in the spec's terms: ``queue`` (source.queue.nats), ``milvus``, ``metadata``."""
    nats = asked.get("queue", {"url": "nats://nowhere:4222", "credentialsSecretRef": NOBODY})
    sink = {
        "milvus": asked.get("milvus", {"uri": "http://nowhere:19530", "tokenSecretRef": NOBODY}),
        "metadata": asked.get("metadata", {"uri": "postgresql://nowhere/x", "passwordSecretRef": NOBODY}),
    }
    modality = {"name": "text", "embed": {"model": {"uri": model}}}
    return from_object(
        {
            "apiVersion": "mmpipe.dev/v1alpha1",
            "kind": "MultimodalPipeline",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"modalities": [modality], "source": {"queue": {"nats": nats}}, "sink": sink},
        }
    )


@dataclass(slots=True)
class Asking:
    """Neighbours, and whom they told."""

    interval_s: float = _INTERVAL_S
    told: list[tuple[str, str]] = field(default_factory=list)
    neighbours: Neighbours = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.neighbours = Neighbours(self._changed, self.interval_s, _TIMEOUT_S)

    async def until(
        self,
        pipeline: MultimodalPipeline,
        wanted: Callable[[Report], bool],
        secrets: Mapping[tuple[str, str], str] | None = None,
    ) -> Report:
        """The first report that is as wanted, looked at when there is news."""
        report = self.neighbours.report(pipeline, secrets or {})
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not wanted(report):
                    await self._news.wait()
                    self._news.clear()
                    report = self.neighbours.report(pipeline, secrets or {})
        except TimeoutError:
            raise AssertionError(f"the last report was {report}") from None
        return report

    def _changed(self, namespace: str, name: str) -> None:
        self.told.append((namespace, name))
        self._news.set()


@asynccontextmanager
async def asking(interval_s: float = _INTERVAL_S) -> AsyncIterator[Asking]:
    one = Asking(interval_s)
    try:
        yield one
    finally:
        await one.neighbours.close()


class Gate:
    """A way to a server that can be shut, or swallow all that is said. ``opened`` counts connections."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._heard = asyncio.Event()
        self.port = 0
        self.opened = 0
        self.left = asyncio.Event()
        """The last connection has ended."""

    async def open(self) -> None:
        self._heard.set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server
        self._server.close()
        for line in tuple(self._lines):
            line.transport.abort()
        self._heard.set()
        await self._server.wait_closed()

    def swallow(self) -> None:
        """From now on nothing that is said comes through; connections stay."""
        self._heard.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        there, back = await asyncio.open_connection(*self._target)
        self._lines |= {writer, back}
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._lines -= {writer, back}
            if not self._lines:
                self.left.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(65536):
                await self._heard.wait()
                writer.write(content)
                await writer.drain()
        except OSError:
            pass  # that is how it is shut
        finally:
            writer.transport.abort()


@asynccontextmanager
async def gate_to(uri: str) -> AsyncIterator[Gate]:
    host, _, port = uri.rpartition("//")[2].rpartition("@")[2].partition("/")[0].partition(":")
    gate = Gate(host, int(port))
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()
