"""A server of a test: a program in a process group of its own, from ready to ended.

A program that is missing fails the test with the remedy: a skipped test would look like a passed one. Neighbours: one
module for each server, which knows its command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmpipe"
HOST = "127.0.0.1"
_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 10.0
_REMEDY = "run tests/servers/build.sh"


@dataclass(slots=True)
class Server:
    """Starts, ends and starts again, in one thread at a time; ``ready`` says when it answers.

    Its output is in ``folder / "output"``.
    """

    command: Sequence[object]
    folder: Path
    ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _turn: threading.RLock = field(default_factory=threading.RLock, init=False)
    _over: bool = field(default=False, init=False)

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def start(self) -> None:
        """Returns when it is ready."""
        with self._turn, self.output.open("ab") as output:
            self._check_wanted()
            arguments = [str(argument) for argument in self.command]
            self._process = subprocess.Popen(arguments, stdout=output, stderr=output, start_new_session=True)
            self._wait(self._process)

    def stop(self) -> None:
        """Ask it to stop, then see to it that nothing of its group is left (Milvus is a child of its script)."""
        with self._turn:
            if self._process is None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, self.stop_signal)
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            finally:
                self.kill()

    def kill(self) -> None:
        """``kill -9`` of the whole group."""
        with self._turn:
            if self._process is None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Stop it for good: a thread of a test that has failed meanwhile may be about to start it again."""
        self._over = True
        self.stop()

    def _check_wanted(self) -> None:
        if self._over:
            pytest.fail(f"{self.command!r}: found it to be started after the end of its test; expected no more of it")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.ready():
            if self._over or process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = self.output.read_text()
                pytest.fail(f"{process.args!r}: found it not ready, expected it to answer; it said:\n{said}")
            time.sleep(0.02)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.end()


@contextmanager
def folder_for(name: str, owner: str = "") -> Iterator[Path]:
    """A folder that an unprivileged user can write to; pytest's own are only for the user who runs it."""
    folder = Path(tempfile.mkdtemp(prefix=f"mmpipe-{name}-"))
    if owner:
        shutil.chown(folder, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def built(path: str) -> Path:
    """A program that tests/servers/build.sh made, by its path in the cache."""
    program = CACHE / path
    if not program.exists():
        pytest.fail(f"{program}: found nothing, expected a server to test against; {_REMEDY}")
    return program


def installed(name: str) -> Path:
    """A program on PATH."""
    program = shutil.which(name)
    if program is None:
        pytest.fail(f"{name}: found none on PATH, expected a server to test against; {_REMEDY}")
    return Path(program)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
