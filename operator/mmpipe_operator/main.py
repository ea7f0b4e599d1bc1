"""The command ``mmpipe-operator``: the composition root of the operator.

It ends with 0 when it was told to stop, 1 when it lost its lease, 2 for settings or a port that can't be used.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.errors import MmpipeError

if TYPE_CHECKING:
    from mmpipe_operator.cluster import Cluster

_UNUSABLE = 2

app = typer.Typer(help="Keeps MultimodalPipelines of a Kubernetes cluster true.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keep MultimodalPipelines of a Kubernetes cluster true."""


@app.command()
def run() -> None:
    """Run the operator, with the settings of the environment (``MMPIPE_OPERATOR_*``)."""
    from mmpipe_operator.running import process, settings  # noqa: PLC0415  # heavy: --help answers at once

    raise typer.Exit(process.run(settings.from_environment()))


@app.command()
def adapter() -> None:
    """Run the metrics adapter, with the settings of the environment (``MMPIPE_ADAPTER_*``)."""
    from mmpipe_operator.metrics_adapter import process, settings  # noqa: PLC0415  # as above

    raise typer.Exit(process.run(settings.from_environment()))


@app.command("round-trip")
def round_trip(
    namespace: Annotated[str, typer.Option(help="Namespace to make a pipeline in; the operator must serve it.")],
) -> None:
    """Apply a small paused pipeline, see it reconciled, and delete it."""
    from mmpipe_operator.running import round_trip as trip  # noqa: PLC0415  # as above

    seconds = asyncio.run(_connected(lambda cluster: trip.round_trip(cluster, namespace)))
    typer.echo(f"applied, reconciled and deleted a pipeline in {namespace} in {seconds:.1f} s")


@app.command()
def release() -> None:
    """Take the finalizer from every pipeline, for when the operator is gone for good; collections stay in Milvus."""
    from mmpipe_operator.running import release as letting_go  # noqa: PLC0415  # as above
    from mmpipe_operator.running import settings  # noqa: PLC0415  # as above

    namespaces = settings.from_environment().namespaces
    released = asyncio.run(_connected(lambda cluster: letting_go.release(cluster, namespaces)))
    typer.echo(f"released {released} pipelines")


async def _connected[A](work: Callable[[Cluster], Awaitable[A]]) -> A:
    from mmpipe_operator.cluster import Cluster, connected  # noqa: PLC0415  # as above

    async with connected() as client:
        return await work(Cluster(client))


@app.command()
def crd() -> None:
    """Print the CustomResourceDefinition as YAML."""
    import yaml  # noqa: PLC0415  # as above

    from mmpipe_operator.crd import document  # noqa: PLC0415  # as above

    sys.stdout.write(yaml.safe_dump(document(), sort_keys=False, width=120))


def main() -> None:
    """Run the command; a fault that the user can mend is one sentence, not a traceback."""
    try:
        app()
    except (MmpipeError, OSError) as error:
        sys.stderr.write(f"mmpipe-operator: {error}\n")
        raise SystemExit(_UNUSABLE) from error
