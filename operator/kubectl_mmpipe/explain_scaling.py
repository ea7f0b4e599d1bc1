"""``kubectl mmpipe explain-scaling``: why each process has as many pods as it has."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from kubectl_mmpipe.options import AnyPipeline, Context, Everywhere, Json, Kubeconfig, Namespace, Output, kubectl


def explain_scaling(
    name: AnyPipeline = None,
    namespace: Namespace = None,
    *,
    process: Annotated[
        str, typer.Option(metavar="NAME", help="One process alone: worker, image, image-decode ...")
    ] = "",
    everywhere: Everywhere = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Show what waits, how many pods that asks for, what the autoscaler saw and wants, and what holds it back.

    Depths are those of now, from the API that the autoscaler asks. What nobody could read is unknown (null in JSON),
    never 0.
    """
    from kubectl_mmpipe.explanation.accounts import accounts
    from kubectl_mmpipe.explanation.text import trees
    from kubectl_mmpipe.printing import console
    from kubectl_mmpipe.snapshot import no_pipelines

    cluster = kubectl(namespace, context, kubeconfig, everywhere=everywhere and not name)
    found = accounts(cluster, name, process)
    if as_json or output:
        typer.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    elif not found:
        typer.echo(no_pipelines(cluster))
    else:
        console().print(*trees(found), sep="\n")
