"""What ``mmpipe up`` does and shows: one table of processes, drawn anew while it runs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from mmpipe.adapters.folder_lock import FolderLock
from mmpipe.errors import MmpipeError
from mmpipe.runtimes import home
from mmpipe.runtimes.local_stack.plan import HOST, Ground, Plan, Program, plan
from mmpipe.runtimes.local_stack.supervisor import Standing, Supervisor
from mmpipe.spec import MultimodalPipeline

LOOK_EVERY_S = 1.0
_LONGEST_FOLDER = 90
"""A socket's path has at most 107 bytes (Linux, unix(7))."""
NATS_SERVER = "MMPIPE_NATS_SERVER"
"""Environment variable: where the NATS server's program is."""

_COLOURS = {Standing.READY: "green", Standing.STARTING: "yellow", Standing.ENDED: "red", Standing.STOPPED: "dim"}


class NoQueueServerError(MmpipeError):
    """There is no NATS server to start."""


def run(pipeline: MultimodalPipeline, data: Path, port: int) -> None:
    """The stack, until SIGINT or SIGTERM. Raises StoreBusy where another one has the folder, NotReadyError."""
    folder = data / pipeline.metadata.name / "up"
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder / "lock"), _socket(folder) as socket_path:
        ground = Ground(data, folder, socket_path)
        planned = plan(pipeline, ground, _free_port, _nats_server(pipeline), port or _free_port())
        _write(planned, ground)
        home.remember(pipeline, data)  # as it was given: what is filled in ends with the stack
        asyncio.run(_run(planned, folder))


async def _run(planned: Plan, folder: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    drain_s = planned.pipeline.spec.serving.drain_seconds
    supervisor = Supervisor(planned.programs, folder / "logs", lambda program: _environment(program, folder), drain_s)
    with _shown(supervisor) as draw:
        starting = asyncio.create_task(supervisor.start())
        await _until(starting, stop, draw)
        if starting.done() and not stop.is_set():
            starting.result()
            _write_state(supervisor, folder)
            _say_ready(planned)
        await _watch(supervisor, stop, lambda: _show(supervisor, folder, draw))
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await supervisor.stop()
        draw.update(_table(supervisor))


async def _until(starting: asyncio.Task[None], stop: asyncio.Event, draw: Live) -> None:
    while not starting.done() and not stop.is_set():
        await asyncio.wait({starting}, timeout=LOOK_EVERY_S)
        draw.refresh()


async def _watch(supervisor: Supervisor, stop: asyncio.Event, show: Callable[[], None]) -> None:
    while not stop.is_set():
        await supervisor.look()
        show()
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


def _say_ready(planned: Plan) -> None:
    gateway = planned.program("gateway").address
    typer.echo(f"mmpipe up: ready; mmpipe submit FOLDER --gateway {gateway}")


def _show(supervisor: Supervisor, folder: Path, draw: Live) -> None:
    draw.refresh()
    _write_state(supervisor, folder)


def _write_state(supervisor: Supervisor, folder: Path) -> None:
    """The same as the table, for programs: ``state.json``, whole or not at all."""
    state = {
        name: {
            "state": running.standing,
            "pid": running.pid,
            "address": running.program.address,
            "metrics_port": running.program.metrics_port,
            "restarts": running.restarts,
        }
        for name, running in supervisor.running.items()
    }
    written = folder / "state.json.new"
    written.write_text(json.dumps(state, indent=2))
    written.replace(folder / "state.json")


@contextmanager
def _shown(supervisor: Supervisor) -> Iterator[Live]:
    """The table on stderr: alive on a terminal, once at the end elsewhere."""
    console = Console(stderr=True)
    with Live(get_renderable=lambda: _table(supervisor), console=console, auto_refresh=False) as live:
        yield live
    if not console.is_terminal:
        console.print()  # the last table ends without a line's end there


def _table(supervisor: Supervisor) -> Table:
    table = Table("process", "state", "pid", "address", "metrics", "restarts", box=None, header_style="bold")
    for running in supervisor.running.values():
        program, colour = running.program, _COLOURS[running.standing]
        metrics = f"http://{HOST}:{program.metrics_port}/metrics" if program.metrics_port else ""
        state = f"[{colour}]{running.standing}[/{colour}]"
        table.add_row(program.name, state, str(running.pid or ""), program.address, metrics, str(running.restarts))
    return table


@contextmanager
def _socket(folder: Path) -> Iterator[Path]:
    """Where Milvus Lite answers: in a folder of this user, under a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="mmpipe-up-") as short:  # mode 0700
        yield (folder if len(str(folder)) < _LONGEST_FOLDER else Path(short)) / "milvus.sock"


def _write(planned: Plan, ground: Ground) -> None:
    ground.spec.write_text(planned.pipeline.model_dump_json(by_alias=True, indent=2))
    ground.nats.write_text(planned.nats_configuration)
    ground.socket.unlink(missing_ok=True)


def _environment(program: Program, folder: Path) -> Mapping[str, str]:
    traces = folder / "traces"
    traces.mkdir(exist_ok=True)
    return {"MMPIPE_TRACES_FILE": str(traces / f"{program.name}.jsonl")}


def _nats_server(pipeline: MultimodalPipeline) -> str:
    """The program; what is not needed need not be there."""
    if pipeline.spec.source.queue is not None:
        return ""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmpipe" / "bin"
    found = os.environ.get(NATS_SERVER) or shutil.which("nats-server") or shutil.which("nats-server", path=cache)
    if found is None:
        expected = f"it on PATH, in {NATS_SERVER}, or built by `make servers`"
        remedy = "install nats-server, or name a server in spec.source.queue"
        raise NoQueueServerError(f"nats-server: found none; expected {expected}; {remedy}")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
