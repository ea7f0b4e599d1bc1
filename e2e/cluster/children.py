"""Processes that never outlive the one that started them.

Neighbours: ``control_plane`` starts servers, ``kubelet`` containers, ``operator`` operators. ``setpriv`` asks the
kernel to kill a child whose starting thread has ended, whatever ended it: so start children in threads that stay.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STOP_TIMEOUT_S = 10.0


class Child:
    """One running program; its output goes to a file."""

    def __init__(self, command: Sequence[object], output: Path, environment: Mapping[str, str] | None = None) -> None:
        self.output = output
        self.name = Path(str(command[0])).name
        bound = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                bound, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a signal's number below zero where one ended it."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """A signal to it and to what it has started; nothing happens where it has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Its exit code. Raises TimeoutExpired where it runs on."""
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ask it to end, and end it where it doesn't; its exit code."""
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return self.wait(timeout_s)
        return self.kill()

    def kill(self) -> int:
        """End it as the kernel would for lack of memory."""
        self.send(signal.SIGKILL)
        return self._process.wait()

    def said(self, characters: int = 4000) -> str:
        """The end of its output."""
        return self.output.read_text(encoding="utf-8", errors="replace")[-characters:]
