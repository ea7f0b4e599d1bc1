"""``kubectl mmpipe pause`` and ``resume``: whether a pipeline runs, and whether the operator keeps it so.

Two different things: ``spec.lifecycle.state: Paused`` asks the operator to scale the processes to zero; the annotation
``mmpipe.dev/reconcile: Paused`` tells the operator to leave everything as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from kubectl_mmpipe.options import Context, Kubeconfig, Namespace, Pipeline, kubectl
from kubectl_mmpipe.snapshot import pipeline
from kubectl_mmpipe.state import is_reconciling_paused, is_stopped
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

_STOP: Manifest = {"spec": {"lifecycle": {"state": "Paused"}}}
_RUN: Manifest = {"spec": {"lifecycle": {"state": "Running"}}}
_LEAVE: Manifest = {"metadata": {"annotations": {names.RECONCILE: "Paused"}}}
_KEEP: Manifest = {"metadata": {"annotations": {names.RECONCILE: None}}}

_REAPPLY = "an apply of a file that says otherwise undoes this"


def pause(
    name: Pipeline,
    namespace: Namespace = None,
    *,
    reconciling: Annotated[
        bool,
        typer.Option("--reconciling", help="Don't stop the pipeline: only keep the operator's hands off its objects."),
    ] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Scale a pipeline's processes to zero and keep the rest: accepted samples wait in the queue, nothing is lost.

    With --reconciling the processes go on, and the operator changes nothing of theirs until resume: neither the spec's
    changes nor repairs.
    """
    cluster = kubectl(namespace, context, kubeconfig)
    found = pipeline(cluster, name)
    if reconciling:
        if not is_reconciling_paused(found):
            cluster.patch(name, _LEAVE)
        typer.echo(f"{name}: reconciling is paused; its processes go on, changes and repairs wait for resume")
        return
    if not is_stopped(found):
        cluster.patch(name, _STOP)
    typer.echo(f"{name}: paused; the operator scales its processes to zero, samples wait in the queue; {_REAPPLY}")
    if is_reconciling_paused(found):
        typer.echo(
            f"{name}: reconciling is paused too, so nothing happens until kubectl mmpipe resume {name}", err=True
        )


def resume(
    name: Pipeline, namespace: Namespace = None, *, context: Context = None, kubeconfig: Kubeconfig = None
) -> None:
    """Undo both kinds of pause: the operator looks after the pipeline again, and its processes come back."""
    cluster = kubectl(namespace, context, kubeconfig)
    found = pipeline(cluster, name)
    undone = list(_undone(found))
    for patch, _ in undone:
        cluster.patch(name, patch)
    for _, done in undone or [({}, "was not paused; nothing is changed")]:
        typer.echo(f"{name}: {done}")


def _undone(found: Manifest) -> Iterator[tuple[Manifest, str]]:
    """What has to be patched, and what that does; the spec first, so that the operator sees one change."""
    if is_stopped(found):
        yield _RUN, f"runs again; the operator scales its processes up; {_REAPPLY}"
    if is_reconciling_paused(found):
        yield _KEEP, "reconciling goes on; the operator brings its objects to what the spec says"
