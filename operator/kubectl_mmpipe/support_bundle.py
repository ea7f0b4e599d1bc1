"""``kubectl mmpipe support-bundle``: one file with all that somebody needs who is to help, and no secret."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kubectl_mmpipe.options import AnyPipeline, Context, Everywhere, Kubeconfig, Namespace, kubectl

_EXIT_LACKING = 1


def support_bundle(
    name: AnyPipeline = None,
    namespace: Namespace = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.tar.gz", help="The file to make; must not exist.")
    ] = None,
    operator_namespace: Annotated[
        str, typer.Option(metavar="NS", help="Namespace of the operator; looked for in all if not given.")
    ] = "",
    everywhere: Everywhere = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Collect pipelines, their objects, events and logs, versions, and the operator's logs and metrics into one file.

    Values of Secrets are never read; what looks like a secret is starred. manifest.json in it says what was collected,
    what is missing and why. Ends with 1 where something could not be had.
    """
    from kubectl_mmpipe.bundle.archive import Archive
    from kubectl_mmpipe.bundle.gathering import gather

    cluster = kubectl(namespace, context, kubeconfig, everywhere=everywhere and not name)
    moment = datetime.now(UTC)
    path = output or Path(f"mmpipe-support-{moment:%Y%m%d-%H%M%S}.tar.gz")
    about = {"pipeline": name or "all", "namespace": "all" if cluster.everywhere else namespace or "the context's"}
    with Archive.create(path, moment, about) as archive:
        gather(cluster, name, operator_namespace, archive)
    for entry in archive.failed:
        typer.echo(f"missing {entry.path}: {entry.why}", err=True)
    typer.echo(f"{path}: {len(archive.entries) - len(archive.failed)} files, {len(archive.failed)} missing")
    raise typer.Exit(_EXIT_LACKING if archive.failed else 0)
