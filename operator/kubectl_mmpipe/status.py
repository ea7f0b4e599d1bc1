"""``kubectl mmpipe status``: pipelines as trees, or as JSON."""

from __future__ import annotations

import dataclasses
import json

import typer

from kubectl_mmpipe.options import AnyPipeline, Context, Everywhere, Json, Kubeconfig, Namespace, kubectl


def status(
    name: AnyPipeline = None,
    namespace: Namespace = None,
    *,
    everywhere: Everywhere = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    as_json: Json = False,
) -> None:
    """Show what a pipeline is like: verdict with reason, processes and failing pods, queue, vectors, dead letters.

    For scripts, wait for it: kubectl wait mmp/NAME --for=condition=Ready.
    """
    from kubectl_mmpipe.printing import console
    from kubectl_mmpipe.snapshot import no_pipelines, read
    from kubectl_mmpipe.state import pipelines
    from kubectl_mmpipe.tree import tree

    cluster = kubectl(namespace, context, kubeconfig, everywhere=everywhere and not name)
    found = pipelines(read(cluster, name))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    elif not found:
        typer.echo(no_pipelines(cluster))
    else:
        console().print(*map(tree, found), sep="\n")
