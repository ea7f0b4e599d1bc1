"""Which processes a pipeline is on one machine, in the order in which they are started. Pure.

::

    queue      nats-server                    unless spec.source.queue names one
    vectors    mmpipe vectors                 Milvus Lite for all of them, unless spec.sink.milvus.uri names a server
    image …    mmpipe serve --modality image  one for each modality (PerModality) or each of its stages (PerStage)
    fuse       mmpipe serve --fuse
    gateway    mmpipe gateway
    worker     mmpipe work

SQLite and the folder of objects need no process. The spec that the processes read is the pipeline's own, with the
addresses of what is started here filled in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmpipe.adapters.queue.server import configuration
from mmpipe.runtimes.stage_clients.endpoints import FUSE, STAGES
from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.delivery import Nats, Queue

HOST = "127.0.0.1"
QUEUE, VECTORS, GATEWAY, WORKER = "queue", "vectors", "gateway", "worker"

_SERVERS, _STAGES, _DOORS = range(3)

type Ports = Callable[[], int]
"""Free ports of this machine, a new one at each call."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process. ``address`` is where it answers; ``speaks`` says what, so that readiness knows how to ask.

    Those of one ``tier`` are started together, when all of the tier below answer.
    """

    name: str
    command: tuple[str, ...]
    address: str
    speaks: str
    tier: int
    metrics_port: int | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Where everything lies: the data folder, the stack's own folder in it, and the socket of Milvus Lite."""

    data: Path
    folder: Path
    socket: Path

    @property
    def spec(self) -> Path:
        """The pipeline with its addresses filled in."""
        return self.folder / "pipeline.json"

    @property
    def nats(self) -> Path:
        """Configuration of the queue's server."""
        return self.folder / "nats.conf"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write and what to start."""

    pipeline: MultimodalPipeline
    programs: tuple[Program, ...]
    nats_configuration: str

    def program(self, name: str) -> Program:
        """The program of that name."""
        return next(program for program in self.programs if program.name == name)


def plan(pipeline: MultimodalPipeline, ground: Ground, ports: Ports, nats_server: str, gateway_port: int) -> Plan:
    """All processes of a pipeline. ``nats_server`` is the path of that program."""
    own = list(_own_servers(pipeline, ground, ports(), nats_server))
    filled = _filled_in(pipeline, ground, {program.name: program.address for program in own})
    stages = list(_stage_servers(filled, ground, ports))
    endpoints = [f"--endpoint={program.name}={program.address}" for program in stages]
    doors = [
        _mmpipe(GATEWAY, ground, gateway_port, ports(), endpoints),
        _mmpipe(WORKER, ground, ports(), ports(), endpoints, command="work"),
    ]
    nats = next((program.address for program in own if program.name == QUEUE), f"{HOST}:0")
    text = configuration(ground.folder / "nats", HOST, int(nats.rpartition(":")[2]))
    return Plan(filled, (*own, *stages, *doors), text)


def _own_servers(pipeline: MultimodalPipeline, ground: Ground, port: int, nats_server: str) -> Iterator[Program]:
    """Those that the spec names none of."""
    if pipeline.spec.source.queue is None:
        yield Program(QUEUE, (nats_server, "--config", str(ground.nats)), f"{HOST}:{port}", "tcp", _SERVERS)
    if not pipeline.spec.sink.milvus.uri:
        folder = ground.data / pipeline.metadata.name / "vectors"
        command = (*_python(), "vectors", str(folder), str(ground.socket))
        yield Program(VECTORS, command, f"unix:{ground.socket}", "unix", _SERVERS)


def _filled_in(pipeline: MultimodalPipeline, ground: Ground, started: dict[str, str]) -> MultimodalPipeline:
    spec = pipeline.spec
    source, milvus = spec.source, spec.sink.milvus
    if QUEUE in started:
        source = source.model_copy(update={"queue": Queue(nats=Nats(url=f"nats://{started[QUEUE]}"))})
    if VECTORS in started:
        milvus = milvus.model_copy(update={"uri": f"unix:{ground.socket}"})
    sink = spec.sink.model_copy(update={"milvus": milvus})
    return pipeline.model_copy(update={"spec": spec.model_copy(update={"source": source, "sink": sink})})


def _stage_servers(pipeline: MultimodalPipeline, ground: Ground, ports: Ports) -> Iterator[Program]:
    for modality in pipeline.spec.modalities:
        for name, options in _services(str(modality.name), pipeline.spec.topology):
            yield _mmpipe(name, ground, ports(), ports(), options, command="serve")
    yield _mmpipe(FUSE, ground, ports(), ports(), ("--fuse",), command="serve")


def _services(modality: str, topology: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if topology == "PerModality":
        yield modality, ("--modality", modality)
        return
    for stage in STAGES:
        yield f"{modality}.{stage}", ("--modality", modality, "--stage", stage)


def _mmpipe(
    name: str, ground: Ground, port: int, metrics_port: int, options: Sequence[str], command: str = ""
) -> Program:
    where = ("--host", HOST, "--port", str(port), "--metrics-port", str(metrics_port), "--data", str(ground.data))
    arguments = (*_python(), command or name, str(ground.spec), *where, *options)
    tier = _DOORS if name in {GATEWAY, WORKER} else _STAGES
    return Program(name, arguments, f"{HOST}:{port}", "grpc", tier, metrics_port)


def _python() -> tuple[str, ...]:
    """The very installation that runs now, whatever is first on the path."""
    return sys.executable, "-m", "mmpipe"
