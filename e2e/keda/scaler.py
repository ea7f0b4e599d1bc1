"""Our external scaler as the metrics adapter runs it, with depths that a test sets instead of a queue's and pods'."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from e2e.cluster.certificates import Authority
from e2e.control_plane.scaled import Autoscaled

from mmpipe_operator.metrics_adapter import external_scaler
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.values import Reading
from mmpipe_operator.names import QUEUE_DEPTH

HOST = "mmpipe-metrics-adapter.mmpipe-system.svc"
PORT = 6444
_EVERY_S = 0.5


@dataclass(slots=True)
class Scaler:
    """What it answers is 0, unless a test has said otherwise of a namespace."""

    folder: Path
    address: str
    serving: Serving
    _depths: dict[str, dict[str, int]] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    @property
    def authority(self) -> Path:
        """The file that an operator is given."""
        return self.folder / "authority.crt"

    def waits(self, media: Autoscaled, count: int) -> None:
        """So many samples are in the queue of a pipeline, all of them of each of its modalities."""
        self._depths[media.pipeline.namespace] = {QUEUE_DEPTH: count}

    @contextmanager
    def failing(self, media: Autoscaled) -> Iterator[None]:
        """Nothing can be read of a pipeline inside the block."""
        self._failing.add(media.pipeline.namespace)
        try:
            yield
        finally:
            self._failing.discard(media.pipeline.namespace)

    def renew(self) -> None:
        """Begin anew with a pair of another authority, known beside the old one."""
        before = self.serving.authority
        self.serving = _signed(self.folder, f"authority-{len(before)}")
        self.authority.write_bytes(before + self.serving.authority)

    def start(self) -> None:
        """Listen."""
        self._loop, self._over = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(self._loop,))
        self._thread.start()

    def stop(self) -> None:
        """Close every connection."""
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        address = f"{self.address}:{PORT}"
        serving = asyncio.create_task(external_scaler.serve(address, self._answer, lambda: self.serving, _EVERY_S))
        await self._over.wait()
        serving.cancel()
        await asyncio.wait([serving])

    async def _answer(self, question: Question) -> Reading:
        if question.namespace in self._failing:
            raise Unreadable("nats: found it away, expected it to answer; start it")
        return Reading(self._depths.get(question.namespace, {}).get(question.metric, 0), datetime.now(UTC))


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Scaler]:
    """A scaler at an address of this machine."""
    folder.mkdir()
    scaler = Scaler(folder, address, _signed(folder, "first"))
    scaler.authority.write_bytes(scaler.serving.authority)
    scaler.start()
    try:
        yield scaler
    finally:
        scaler.stop()


def _signed(folder: Path, name: str) -> Serving:
    authority = Authority(folder, name).create()
    certificate = authority.sign(f"{name}-server", "/CN=scaler", f"subjectAltName=DNS:{HOST}")
    chain, key = certificate.read_bytes(), certificate.with_suffix(".key").read_bytes()
    return Serving(chain, key, authority.certificate.read_bytes())
