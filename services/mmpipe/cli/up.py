"""``mmpipe up``: the whole pipeline as processes of this machine, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import Data

if TYPE_CHECKING:
    from mmpipe.spec import MultimodalPipeline


def up(
    spec: Annotated[
        Path | None, typer.Argument(metavar="[SPEC]", help="MultimodalPipeline file; without one, the defaults.")
    ] = None,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the gateway; 0 takes a free one.")] = 50050,
    data: Data = Path("mmpipe-data"),
    name: Annotated[str, typer.Option(help="Name of the pipeline, where no SPEC gives one.")] = "default",
) -> None:
    """Start queue, stores, stage services, gateway and worker on this machine; show their state; stop with Ctrl-C.

    What the spec names (a NATS or Milvus server, PostgreSQL, S3) is used; what it leaves out is started here or
    embedded. A process that ends is started again. Each one's output is a file under DATA/PIPELINE/up/logs. Ends with
    3 where a process does not come up.
    """
    from mmpipe.cli import stack

    stack.run(_pipeline(spec, name), data.absolute(), port)


def _pipeline(spec: Path | None, name: str) -> MultimodalPipeline:
    from mmpipe.cli.spec import read_for_services
    from mmpipe.spec import default_pipeline, without_effect

    if spec is None:
        return default_pipeline(name)
    pipeline = read_for_services(spec)
    for setting in without_effect(pipeline, services=True):
        typer.echo(f"{spec}: {setting} has no effect on one machine; it acts under Kubernetes", err=True)
    return pipeline
