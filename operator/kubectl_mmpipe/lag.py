"""``kubectl mmpipe lag``: how many samples wait or run, for each process that somebody measures."""

from __future__ import annotations

import dataclasses
import json

import typer

from kubectl_mmpipe.options import AnyPipeline, Context, Everywhere, Json, Kubeconfig, Namespace, kubectl


def lag(
    name: AnyPipeline = None,
    namespace: Namespace = None,
    *,
    everywhere: Everywhere = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
) -> None:
    """Show how far behind a pipeline is: the rounded backlog of its status, and what each autoscaler reads.

    What nobody could read is unknown (null in JSON), never 0.
    """
    from kubectl_mmpipe.backlog import rows, table
    from kubectl_mmpipe.printing import console
    from kubectl_mmpipe.snapshot import no_pipelines, read
    from kubectl_mmpipe.state import pipelines

    cluster = kubectl(namespace, context, kubeconfig, everywhere=everywhere and not name)
    found = [row for pipeline in pipelines(read(cluster, name)) for row in rows(pipeline)]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in found], indent=2))
    elif not found:
        typer.echo(no_pipelines(cluster))
    else:
        console().print(table(found))
