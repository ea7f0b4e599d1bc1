"""``mmpipe serve``: the stages of one modality, or some of them, as a gRPC server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import Data, Host, MetricsPort, Port, SpecFile
from mmpipe.cli.stopping import stopping, wait_for

if TYPE_CHECKING:
    from mmpipe.runtimes.stage_server.server import Serves, StageServer
    from mmpipe.spec import MultimodalPipeline

_EXIT_CUT_OFF = 1


def serve(
    spec: SpecFile,
    *,
    modality: Annotated[list[str] | None, typer.Option(help="A modality of the pipeline. May be given again.")] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="decode, clean or embed; all three if not given. May be given again.")
    ] = None,
    fuse: Annotated[bool, typer.Option("--fuse", help="Also fuse the vectors of samples.")] = False,
    host: Host = "127.0.0.1",
    port: Port = 50051,
    metrics_port: MetricsPort = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; one for each core if not given.")] = None,
    data: Data = Path("mmpipe-data"),
) -> None:
    """Serve stages over gRPC until SIGTERM or Ctrl-C, then finish what has come in.

    Says on stdout where it listens once it can answer. Ends with 0; 1 where calls were cut off because they took
    longer than serving.drainSeconds; 2 for a spec, model or address that cannot be used; 3 for a store.
    """
    from mmpipe import telemetry
    from mmpipe.cli.spec import read_for_services
    from mmpipe.runtimes.allocator import keep_freed_memory
    from mmpipe.runtimes.turns import short_turns

    keep_freed_memory()
    telemetry.setup_logging()
    pipeline = read_for_services(spec)
    serves = _serves(pipeline, modality or [], stage or [], fuse=fuse)
    service = f"mmpipe-stages-{_name(serves)}".replace(" ", "-")
    told = telemetry.setup(service, metrics_port=metrics_port, metrics_host=host)
    try:
        with short_turns(), stopping(aloud=False) as stop:
            server = _server(pipeline, serves, data, threads)
            listening = server.start(f"{host}:{port}")
            typer.echo(f"mmpipe serve {_name(serves)}: listening on {host}:{listening}")
            wait_for(stop)
            whole = server.drain(pipeline.spec.serving.drain_seconds)
    finally:
        told.shutdown()
    raise typer.Exit(0 if whole else _EXIT_CUT_OFF)


def _serves(pipeline: MultimodalPipeline, modalities: list[str], stages: list[str], *, fuse: bool) -> Serves:
    from mmpipe.records import Modality
    from mmpipe.runtimes.chain import VERBS
    from mmpipe.runtimes.stage_server.server import Serves

    taken = [modality.name for modality in pipeline.spec.modalities]
    for option, given, known in (("--modality", modalities, taken), ("--stage", stages, VERBS)):
        for name in given:
            if name not in known:
                raise typer.BadParameter(f"{option}: found {name!r}, expected one of {', '.join(known)}")
    if not modalities and not fuse:
        raise typer.BadParameter(f"found nothing to serve, expected --fuse or --modality {' or '.join(taken)}")
    verbs = tuple(verb for verb in VERBS if not stages or verb in stages)
    return Serves(tuple(Modality(name) for name in modalities), verbs, fuse)


def _server(pipeline: MultimodalPipeline, serves: Serves, data: Path, threads: int | None) -> StageServer:
    from mmpipe.adapters.fetch import Fetcher
    from mmpipe.runtimes import home
    from mmpipe.runtimes.stage_server.server import StageServer

    references, objects = pipeline.spec.source.references, home.open_objects(pipeline, data)
    fetcher = Fetcher(references, objects, home.cache_folder(pipeline, data))
    return StageServer(pipeline.spec, serves, fetcher, threads)


def _name(serves: Serves) -> str:
    stages = "" if len(serves.verbs) > 2 else "." + "+".join(serves.verbs)  # noqa: PLR2004  # all three
    return " ".join([*(f"{modality}{stages}" for modality in serves.modalities), *(["fuse"] if serves.fuse else [])])
