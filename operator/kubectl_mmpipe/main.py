"""``kubectl mmpipe``: all commands, and what the process ends with.

kubectl runs the program ``kubectl-mmpipe`` of the PATH as ``kubectl mmpipe``; options stand behind the command, as
kubectl asks of plugins. Exit codes are those of ``mmpipe``: 0 done; 1 done, but parts failed; 2 what was asked for
can't be had (no kubectl, no such pipeline, a wrong option); 3 the cluster or a gateway can't be used; 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kubectl_mmpipe import deadletters, explain_scaling, lag, lifecycle, status, support_bundle
from mmpipe.errors import MmpipeError

app = typer.Typer(
    name="kubectl mmpipe",
    help="Look at pipelines in a cluster and steer them, with your own kubectl and its rights.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(name="status")(status.status)
app.command(name="lag")(lag.lag)
app.command(name="explain-scaling")(explain_scaling.explain_scaling)
app.command(name="deadletters", context_settings=deadletters.AS_IT_COMES)(deadletters.deadletters)
app.command(name="pause")(lifecycle.pause)
app.command(name="resume")(lifecycle.resume)
app.command(name="support-bundle")(support_bundle.support_bundle)


@app.callback()
def options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    """Options of every command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"kubectl-mmpipe {installed('mmpipe')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an expected fault is one message on stderr and its exit code, a bug is a traceback."""
    try:
        app(prog_name="kubectl mmpipe")
    except MmpipeError as error:
        typer.echo(f"kubectl mmpipe: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"grpc", "google"}:
            raise
        found, remedy = f"found no {error.name} in this Python", "pip install 'mmpipe[serve]'"
        typer.echo(f"kubectl mmpipe: {found}; expected the extra serve, to talk to a gateway; {remedy}", err=True)
        sys.exit(MmpipeError.exit_code)
