"""Accepted means durable: every process is killed with -9 once while 500 samples flow, and nothing is lost or doubled.

accepted = stored + dead letters + quarantined, each once, and Milvus counts the rows that the metadata know.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from tests.integration.stack import Stack, rows, stack_running, vectors, wait_for

from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.client import Client
from mmpipe.runtimes.pipeline import Pipeline

MEDIA = Path(__file__).parents[2] / "examples" / "media"
SAMPLES, COPIES, CLIENTS = 28, 18, 2
PAUSE_S = 1.0
"""Of a client between two copies, so that the flow lasts as long as the kills and is no flood."""
VICTIMS = ("gateway", "worker", "text", "image", "audio", "video", "depth", "fuse", "queue", "vectors")


@pytest.mark.server
def test_nothing_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    with stack_running(tmp_path / "data") as stack:
        with flowing(stack) as flow:
            for victim in VICTIMS:
                stack.signal(victim, signal.SIGKILL)
            accepted = flow.end()
        wait_for(lambda: _settled(stack) == len(accepted), f"{len(accepted)} samples to settle", 300)

    assert len(accepted) == len(set(accepted)) >= SAMPLES * COPIES
    settled = rows(stack.data, "SELECT id FROM samples WHERE state IN ('stored', 'quarantined')")
    dead = rows(stack.data, "SELECT sample_id FROM dead_letters")
    assert sorted(sample_id for (sample_id,) in settled + dead) == sorted(accepted)
    assert not dead
    assert set(vectors(stack.data)) == {row_id for (row_id,) in rows(stack.data, "SELECT row_id FROM segments")}


@pytest.mark.server
def test_a_rolling_restart_of_every_service_fails_no_call_of_a_retrying_client(tmp_path: Path) -> None:
    with stack_running(tmp_path / "data") as stack:
        with flowing(stack) as flow, Client(stack.gateway) as client:
            for service in VICTIMS:
                stack.signal(service, signal.SIGTERM)
                assert client.search("a red bell", top=1).hits is not None
            accepted = flow.end()
        wait_for(lambda: _settled(stack) == len(accepted), f"{len(accepted)} samples to settle", 300)

    assert len(accepted) >= SAMPLES * COPIES
    assert not rows(stack.data, "SELECT sample_id FROM dead_letters")


@pytest.mark.server
def test_the_rows_after_a_kill_are_those_of_an_undisturbed_run(tmp_path: Path) -> None:
    Pipeline(data=tmp_path / "local").run(MEDIA, id_prefix="copy-0")

    with stack_running(tmp_path / "data") as stack:
        with flowing(stack, copies=1) as flow:
            accepted = flow.end()
            stack.signal("worker", signal.SIGKILL)
        wait_for(lambda: _settled(stack) == len(accepted), "all samples to settle", 90)

    columns = "row_id, modality, uri, start_s, end_s"
    query = f"SELECT {columns} FROM segments WHERE sample_id LIKE 'copy-0/%' ORDER BY row_id"  # noqa: S608  # ours
    assert rows(stack.data, query) == rows(tmp_path / "local", query)


@dataclass(slots=True)
class Flow:
    """Samples that flow into a gateway from several clients: the media under one prefix after the other.

    It goes on until it is told to :meth:`end`, and is at least ``copies`` long.
    """

    gateway: str
    copies: int
    _ended: Event = field(default_factory=Event)
    _numbers: Iterator[int] = field(default_factory=count)
    _clients: list[Future[list[str]]] = field(default_factory=list)

    def begin(self, pool: ThreadPoolExecutor) -> None:
        self._clients = [pool.submit(self._submit) for _ in range(CLIENTS)]

    def end(self) -> list[str]:
        """The ids of all samples that were accepted; what a client gave up on fails the test."""
        self._ended.set()
        return [sample_id for client in self._clients for sample_id in client.result(300)]

    def _submit(self) -> list[str]:
        accepted: list[str] = []
        with Client(self.gateway) as client:
            for copy in self._numbers:
                if self._ended.is_set() and copy >= self.copies:
                    return accepted
                samples = open_input(str(MEDIA), InputLimits(), id_prefix=f"copy-{copy}")
                receipts = list(client.ingest(samples))
                assert not [receipt.error for receipt in receipts if receipt.error]
                accepted += [receipt.sample_id for receipt in receipts]
                self._ended.wait(PAUSE_S)
        return accepted


@contextmanager
def flowing(stack: Stack, copies: int = COPIES) -> Iterator[Flow]:
    flow = Flow(stack.gateway, copies)
    with ThreadPoolExecutor(CLIENTS) as pool:
        flow.begin(pool)
        try:
            yield flow
        finally:
            flow.end()


def _settled(stack: Stack) -> int:
    ended = "SELECT count(*) FROM samples WHERE state IN ('stored', 'quarantined', 'failed')"
    ((samples,),) = rows(stack.data, ended)
    ((letters,),) = rows(stack.data, "SELECT count(*) FROM dead_letters")
    return int(samples) + int(letters)
