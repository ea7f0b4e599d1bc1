"""Options that the commands share: those of kubectl, written as kubectl's users write them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from kubectl_mmpipe.kubectl import Kubectl

Pipeline = Annotated[str, typer.Argument(metavar="NAME", help="Name of the pipeline.")]
AnyPipeline = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Name of a pipeline; all of the namespace if not given.")
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NS", help="Namespace; the context's own if not given.")
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Pipelines of every namespace.")]
Context = Annotated[str | None, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig, as for kubectl.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[Literal["json"] | None, typer.Option("--output", "-o", help="The same, as kubectl has it.")]


def kubectl(namespace: str | None, context: str | None, kubeconfig: str | None, *, everywhere: bool = False) -> Kubectl:
    """The user's kubectl with these options."""
    return Kubectl(namespace or "", context or "", kubeconfig or "", everywhere=everywhere)
