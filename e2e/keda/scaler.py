"""Our external scaler as the metrics adapter runs it, with depths that a test sets instead of a queue's and pods'."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from e2e.cluster.certificates import Authority

from mmpipe_operator.metrics_adapter import external_scaler
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.values import Reading

HOST = "mmpipe-metrics-adapter.mmpipe-system.svc"
PORT = 6444


@dataclass(slots=True)
class Scaler:
    """``depths`` of a pipeline by metric and part (``("queue_depth", "image")``); what is missing is 0."""

    folder: Path
    serving: Serving
    depths: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    """Namespaces whose readings fail."""
    asked: list[Question] = field(default_factory=list)

    @property
    def authority(self) -> Path:
        """The file that an operator is given; it may be written anew."""
        return self.folder / "ca.crt"

    def renew(self) -> None:
        """Serve with a pair of a new authority from the next handshake on, which ``authority`` has beside the old."""
        before = self.serving.authority
        self.serving = _signed(self.folder, f"ca-{len(before)}")
        self.authority.write_bytes(before + self.serving.authority)

    async def answer(self, question: Question) -> Reading:
        """As ``Readings.answer`` does."""
        self.asked.append(question)
        if question.namespace in self.unreadable:
            raise Unreadable("nats: found it away, expected it to answer; start it")
        part = next(iter(question.labels.values()), "")
        return Reading(self.depths.get(question.namespace, {}).get((question.metric, part), 0), datetime.now(UTC))


@contextmanager
def serving(folder: Path, address: str) -> Iterator[Scaler]:
    """A scaler at an address of this machine."""
    folder.mkdir()
    scaler = Scaler(folder, _signed(folder, "ca-0"))
    scaler.authority.write_bytes(scaler.serving.authority)
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    thread = threading.Thread(target=_run, args=(loop, _serve(scaler, address, over)))
    thread.start()
    try:
        yield scaler
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _serve(scaler: Scaler, address: str, over: asyncio.Event) -> None:
    served = external_scaler.serve(f"{address}:{PORT}", scaler.answer, lambda: scaler.serving, 0.5)
    serving = asyncio.create_task(served)
    await over.wait()
    serving.cancel()
    await asyncio.wait([serving])


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)


def _signed(folder: Path, name: str) -> Serving:
    authority = Authority(folder, name).create()
    certificate = authority.sign(f"{name}-server", "/CN=scaler", f"subjectAltName=DNS:{HOST}")
    chain, key = certificate.read_bytes(), certificate.with_suffix(".key").read_bytes()
    return Serving(chain, key, authority.certificate.read_bytes())
