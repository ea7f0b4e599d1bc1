"""Starts the processes of a plan in order, starts again what dies, stops them in the other order.

As Kubernetes would: a process that ends by itself is started again after a pause that doubles with each time, and
nothing else is stopped for it. What a process prints goes to a file of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from mmpipe.errors import MmpipeError
from mmpipe.runtimes.local_stack.plan import Program
from mmpipe.runtimes.local_stack.readiness import answers

READY_WITHIN_S = 120.0
RESTARTS = 2
"""A process that ended so often before it answered for the first time will not come up."""
LOOK_EVERY_S = 0.1
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
PATIENCE_S = 5.0
"""How long a process may take to end beyond the drain time of the pipeline."""


class Standing(StrEnum):
    """Where a process is."""

    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(slots=True)
class Running:
    """One process of the stack; only the supervisor changes it."""

    program: Program
    standing: Standing = Standing.STOPPED
    pid: int | None = None
    restarts: int = 0


class NotReadyError(MmpipeError):
    """A process of the stack does not come up; the message has the end of what it printed."""

    exit_code = 3


@dataclass(slots=True)
class Supervisor:
    """The processes of one stack. For one event loop."""

    programs: Sequence[Program]
    logs: Path
    environment: Callable[[Program], Mapping[str, str]] = field(default=lambda _: {})
    drain_s: float = 20.0
    running: dict[str, Running] = field(init=False)
    _watching: dict[str, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _stopping: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.running = {program.name: Running(program) for program in self.programs}

    async def start(self) -> None:
        """Start all, tier after tier. Raises NotReadyError, with all of them stopped again."""
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            for tier in self._tiers():
                await self._start_together(tier)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all, the last tier first, so that each one finishes while what it needs still answers."""
        self._stopping = True
        for tier in reversed(self._tiers()):
            await asyncio.gather(*(self._end(running) for running in tier))

    def _tiers(self) -> list[list[Running]]:
        return [list(tier) for _, tier in groupby(self.running.values(), key=lambda running: running.program.tier)]

    async def _start_together(self, tier: Sequence[Running]) -> None:
        for running in tier:
            self._watching[running.program.name] = asyncio.create_task(self._keep(running))
        await asyncio.gather(*(self._ready(running) for running in tier))

    async def _keep(self, running: Running) -> None:
        """One process after the other, until the stack stops."""
        while not self._stopping:
            process = await self._started(running)
            await process.wait()
            running.standing, running.pid = Standing.ENDED, None
            if not self._stopping:
                await asyncio.sleep(min(FIRST_PAUSE_S * 2**running.restarts, LONGEST_PAUSE_S))
                running.restarts += 1

    async def _started(self, running: Running) -> asyncio.subprocess.Process:
        program = running.program
        environment = {**os.environ, **self.environment(program)}
        with self._log(program).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        running.standing, running.pid = Standing.STARTING, process.pid
        return process

    async def _ready(self, running: Running) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        while not await answers(running.program):
            if asyncio.get_running_loop().time() > deadline or running.restarts > RESTARTS:
                raise NotReadyError(
                    f"{running.program.name}: found no answer at {running.program.address} within "
                    f"{READY_WITHIN_S:.0f} s and {RESTARTS} restarts; it said:\n{self._last_words(running.program)}"
                )
            await asyncio.sleep(LOOK_EVERY_S)
        running.standing = Standing.READY

    async def look(self) -> None:
        """Ask every process that was started whether it answers by now."""
        for running in self.running.values():
            if running.standing is Standing.STARTING and await answers(running.program):
                running.standing = Standing.READY

    async def _end(self, running: Running) -> None:
        watching = self._watching.pop(running.program.name, None)
        if watching is None:
            return
        if running.pid is not None:
            _signal(running.pid, signal.SIGTERM)
            _, late = await asyncio.wait({watching}, timeout=self.drain_s + PATIENCE_S)
            if late and running.pid is not None:
                _signal(running.pid, signal.SIGKILL)
                await asyncio.wait({watching}, timeout=PATIENCE_S)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        running.standing, running.pid = Standing.STOPPED, None

    def _log(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"

    def _last_words(self, program: Program) -> str:
        lines = self._log(program).read_text(errors="replace").splitlines()
        return "\n".join(lines[-10:])


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
