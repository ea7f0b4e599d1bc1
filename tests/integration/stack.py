"""A real `mmpipe up` for tests: its processes, their pids, and what the stores hold once it has stopped."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tests.servers.process import CACHE

from mmpipe.adapters.vectors.lite import Lite

UP_WITHIN_S = 180.0
DOWN_WITHIN_S = 60.0
COLLECTION = "mmpipe_default_g1"
_PAGE = 16_384
"""Most rows that Milvus answers at once."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The processes of a running `mmpipe up` over ``data``."""

    gateway: str
    data: Path
    pipeline: str = "default"

    @property
    def folder(self) -> Path:
        """Where it keeps its logs, traces and state."""
        return self.data / self.pipeline / "up"

    def state(self) -> dict[str, Any]:
        """Every process by name, as `state.json` has it."""
        return dict(json.loads((self.folder / "state.json").read_text()))

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process, and wait until it has been started again and answers."""
        before = self.state()[name]
        os.kill(before["pid"], number)
        wait_for(lambda: _is_back(self.state()[name], before), f"{name} to be back", UP_WITHIN_S)

    def metrics(self, name: str) -> str:
        """The Prometheus page of one process."""
        with urlopen(f"http://127.0.0.1:{self.state()[name]['metrics_port']}/metrics", timeout=10) as page:
            return str(page.read().decode())

    def total(self, name: str, metric: str, **labels: str) -> float:
        """The sum of a metric of one process over the series that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in self.metrics(name).splitlines() if line.startswith((metric + "{", metric + " "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in wanted))

    def log(self, name: str) -> str:
        """What one process has printed."""
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")


@contextmanager
def stack_running(
    data: Path, spec: Path | None = None, environment: Mapping[str, str] | None = None, pipeline: str = "default"
) -> Iterator[Stack]:
    """`mmpipe up` from ready to stopped; ``pipeline`` is the name that the spec gives."""
    command = [sys.executable, "-m", "mmpipe", "up", *([str(spec)] if spec else []), "--port", "0", "--data", str(data)]
    environ = {**os.environ, "MMPIPE_NATS_SERVER": str(CACHE / "bin" / "nats-server"), **(environment or {})}
    said = data / "up.output"
    data.mkdir(parents=True, exist_ok=True)
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
        try:
            gateway = _gateway(process, said)
            yield Stack(gateway, data, pipeline)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(DOWN_WITHIN_S)


def mmpipe(*arguments: str, check: bool = True) -> str:
    """The output of a command."""
    done = subprocess.run([sys.executable, "-m", "mmpipe", *arguments], check=False, capture_output=True, text=True)
    if check and done.returncode:
        pytest.fail(f"mmpipe {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def wait_for(happened: Callable[[], bool], what: str, within_s: float) -> None:
    """Ask until it has happened."""
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {within_s:.0f} s for {what}")
        time.sleep(0.1)


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    """What the metadata hold."""
    with closing(sqlite3.connect(data / "default" / "metadata.db")) as database:
        return database.execute(query).fetchall()


def vectors(data: Path) -> dict[str, list[float]]:
    """Every vector by its row id. The stack must have stopped."""
    from pymilvus import MilvusClient  # noqa: PLC0415  # takes most of a second

    lite = Lite(data / "default" / "vectors")
    try:
        with closing(MilvusClient(lite.uri)) as client:
            client.load_collection(COLLECTION)
            found: dict[str, list[float]] = {}
            for page in _pages(client):
                found |= {row["id"]: row["vector"] for row in page}
            return found
    finally:
        lite.stop()


def _pages(client: Any) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401  # pymilvus ships no types
    """By the first digit of their ids: a page of one query is in no order, so nothing could follow it."""
    for digit in "0123456789abcdef":
        page = client.query(COLLECTION, filter=f'id like "{digit}%"', output_fields=["id", "vector"], limit=_PAGE)
        assert len(page) < _PAGE
        yield page


def _gateway(process: subprocess.Popen[bytes], said: Path) -> str:
    wait_for(lambda: process.poll() is not None or "mmpipe up: ready" in said.read_text(), "mmpipe up", UP_WITHIN_S)
    if process.poll() is not None:
        pytest.fail(f"mmpipe up ended with {process.returncode}:\n{said.read_text()}")
    (line,) = [line for line in said.read_text().splitlines() if line.startswith("mmpipe up: ready")]
    return line.rpartition("--gateway ")[2].strip()


def _is_back(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return bool(now["state"] == "ready" and now["restarts"] > before["restarts"])
