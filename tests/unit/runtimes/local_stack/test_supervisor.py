"""Processes of a stack: started in tiers, started again when they end, stopped in the other order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.servers.process import free_port

from mmpipe.runtimes.local_stack import supervisor as supervising
from mmpipe.runtimes.local_stack.plan import Program
from mmpipe.runtimes.local_stack.supervisor import NotReadyError, Standing, Supervisor

LISTENS = """
import socket, sys, time
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
time.sleep(60)
"""
ENDS = "import sys; sys.exit('no such thing')"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LISTENS}"


def test_all_are_started_and_stopped(tmp_path: Path) -> None:
    async def scenario(stack: Supervisor) -> list[Standing]:
        await stack.start()
        up = [running.standing for running in stack.running.values()]
        await stack.stop()
        return [*up, *(running.standing for running in stack.running.values())]

    programs = [_program("queue", LISTENS, tier=0), _program("image", LISTENS, tier=1)]
    assert _run(Supervisor(programs, tmp_path), scenario) == [Standing.READY] * 2 + [Standing.STOPPED] * 2


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    async def scenario(stack: Supervisor) -> tuple[int, bool]:
        await stack.start()
        running = stack.running["image"]
        before = running.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        while running.standing is not Standing.READY or running.pid == before:
            await asyncio.sleep(0.02)
            await stack.look()
        return running.restarts, running.pid != before

    assert _run(Supervisor([_program("image", LISTENS)], tmp_path), scenario) == (1, True)


def test_one_that_never_answers_is_named_with_its_last_words_and_nothing_is_left(tmp_path: Path) -> None:
    stack = Supervisor([_program("queue", LISTENS, tier=0), _program("image", ENDS, tier=1)], tmp_path)

    async def scenario(stack: Supervisor) -> None:
        with pytest.raises(NotReadyError, match=r"(?s)image: found no answer.*no such thing"):
            await stack.start()

    _run(stack, scenario)
    assert [running.pid for running in stack.running.values()] == [None, None]


def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "PATIENCE_S", 0.2)

    async def scenario(stack: Supervisor) -> Standing:
        await stack.start()
        await stack.stop()
        return stack.running["image"].standing

    assert _run(Supervisor([_program("image", STUBBORN)], tmp_path, drain_s=0), scenario) is Standing.STOPPED


def test_what_a_process_prints_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    async def scenario(stack: Supervisor) -> None:
        await stack.start()

    _run(Supervisor([_program("image", LISTENS)], tmp_path), scenario)

    assert (tmp_path / "image.log").read_text() == "up\n"


def _program(name: str, code: str, tier: int = 0) -> Program:
    port = free_port()
    return Program(name, (sys.executable, "-c", code, str(port)), f"127.0.0.1:{port}", "tcp", tier)


def _run[T](stack: Supervisor, scenario: Callable[[Supervisor], Awaitable[T]]) -> T:
    async def whole() -> T:
        try:
            async with asyncio.timeout(30):
                return await scenario(stack)
        finally:
            await stack.stop()

    return asyncio.run(whole())
