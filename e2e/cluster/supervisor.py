"""Keeps a control plane for as long as somebody wants it, and takes it away in the right order whatever happens.

A test session starts ``python -m e2e.cluster up --until-eof`` and holds the other end of its input: when the session
ends, by itself, by Ctrl-C or by ``kill -9``, the input ends, the servers stop and their folder goes. Were the
supervisor itself killed, the kernel would end its children. Over the same input the session has servers killed and
started again (``Plane``): they are the supervisor's children.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.control_plane import ControlPlane, Flags

_STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Plane:
    """A control plane that somebody else keeps, and what may be asked of its keeper."""

    folder: Path
    _keeper: subprocess.Popen[bytes]

    def kill(self, server: str) -> None:
        """End ``etcd``, ``kube-apiserver`` or another server by SIGKILL."""
        self._ask("kill_server", server)

    def start(self, server: str) -> None:
        """Start it again; returns when the API server is ready."""
        self._ask("start_server", server)

    def _ask(self, what: str, server: str) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(json.dumps([what, server]).encode() + b"\n")
        self._keeper.stdin.flush()
        _read(self._keeper)


def keep(until: Callable[[ControlPlane], None], flags: Flags | None = None) -> None:
    """Start a control plane, wait, and stop it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="mmpipe-cluster-"))
    plane = ControlPlane(folder, flags)
    try:
        plane.start()
        until(plane)
    except KeyboardInterrupt:
        pass
    finally:
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)


def until_eof(plane: ControlPlane) -> None:
    """For ``supervised``: say where it is, and do what ``Plane`` asks, until its input ends."""
    _say(folder=str(plane.folder))
    for line in sys.stdin:
        what, server = json.loads(line)
        {"kill_server": plane.kill_server, "start_server": plane.start_server}[what](server)
        _say(done=what)


@contextmanager
def supervised(flags: Flags | None = None) -> Iterator[Plane]:
    """A control plane that runs inside the block; ``flags`` as for ``ControlPlane``."""
    command = [sys.executable, "-m", "e2e.cluster", "up", "--until-eof", json.dumps(flags or {})]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with process:
        try:
            yield Plane(Path(_read(process)["folder"]), process)
        finally:
            _end(process)


def _say(**words: str) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _read(process: subprocess.Popen[bytes]) -> dict[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise TimeoutError(f"the control plane ended with {process.wait()} before it was ready; it said why above")
    answer: dict[str, str] = json.loads(line)
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait(_STOP_TIMEOUT_S)
