"""``kubectl mmpipe deadletters NAME``: ``mmpipe deadletter`` against a pipeline in the cluster, by a forwarded port.

What is listed, shown and redriven is the code of ``mmpipe.cli.deadletter`` itself, with its filters and its output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from kubectl_mmpipe.faults import NotFound, PluginError
from kubectl_mmpipe.kubectl import Kubectl
from kubectl_mmpipe.options import Context, Kubeconfig, Namespace, Pipeline, kubectl
from kubectl_mmpipe.snapshot import pipeline
from kubectl_mmpipe.state import is_stopped
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

AS_IT_COMES = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Options of ``mmpipe deadletter`` pass through, wherever they stand."""


class NoGateway(PluginError):  # noqa: N818  # as faults.NoKubectl
    """The pipeline's gateway can't be talked to from here."""


def deadletters(
    rest: typer.Context,
    name: Pipeline,
    namespace: Namespace = None,
    *,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Its gateway, where it can be reached; else a port is forwarded to it."),
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List, show and redrive samples that were given up: NAME [list|show SAMPLE_ID|redrive] with their options.

    Options are those of mmpipe deadletter (see mmpipe deadletter redrive --help): --where, --limit, --rate, --dry-run,
    --max-redrives, --token-env, --json. Without a command they are listed. The token (MMPIPE_TOKEN) and the files for
    TLS (MMPIPE_TLS_CA) are taken from the environment.
    """
    from mmpipe.cli.deadletter import app

    arguments = rest.args or ["list"]
    with _address(kubectl(namespace, context, kubeconfig), name, gateway) as address:
        command = typer.main.get_command(app)
        asked = [*arguments, f"--gateway={address}"]
        code = command.main(asked, prog_name=f"kubectl mmpipe deadletters {name}", standalone_mode=False)
    raise typer.Exit(code or 0)


@contextmanager
def _address(cluster: Kubectl, name: str, given: str | None) -> Iterator[str]:
    """The gateway's address: the given one, or a port forwarded to a pod of its Service while the context lasts."""
    if given:
        yield given
        return
    found = pipeline(cluster, name)
    _check(found)
    service = f"service/{names.child(name, 'gateway')}"
    with ExitStack() as stack:
        try:
            address = stack.enter_context(cluster.forwarded(service, names.grpc_port("gateway")))
        except NotFound as error:
            remedy = f"kubectl mmpipe status {name} says how far the operator is"
            raise NoGateway(f"{name}: found no {service}; expected its gateway; {remedy}") from error
        yield address


def _check(found: Manifest) -> None:
    """Raises NoGateway where a forwarded port would lead nowhere."""
    name, spec = found["metadata"]["name"], found.get("spec", {})
    if is_stopped(found):
        raise NoGateway(f"{name}: found it paused, with no gateway; expected one; kubectl mmpipe resume {name}")
    is_secure = "certificateSecretRef" in spec.get("gateway", {}).get("tls", {})
    if is_secure and not os.environ.get("MMPIPE_TLS_CA"):
        expected = "MMPIPE_TLS_CA, the file of the authority that signed its certificate (or system)"
        server = "and MMPIPE_TLS_SERVER_NAME, the name in it, since a forwarded port has another"
        raise NoGateway(f"{name}: found a gateway with TLS; expected {expected}, {server}; set both")
