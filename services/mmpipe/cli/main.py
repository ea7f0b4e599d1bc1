"""``mmpipe``: all commands, and what the process ends with.

Exit codes: 0 done; 1 done, but parts failed and a later run will try them again, or a gateway refused some; 2 the
command, the spec, the input or the model cannot be used; 3 a store or a gateway cannot be used; 130 interrupted, what
was committed or accepted stays and the next run goes on.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mmpipe.cli import (
    deadletter,
    gateway,
    model,
    quarantine,
    run,
    search,
    serve,
    spec,
    status,
    submit,
    trace,
    up,
    vectors,
    work,
)
from mmpipe.errors import MmpipeError

_OF_SERVICES = {"grpc", "grpc_health", "grpc_reflection", "grpc_status", "google", "nats", "redis", "opentelemetry"}
"""Packages that come with the extra `serve`: without them, `run` and `search` work and the services do not."""

app = typer.Typer(
    name="mmpipe",
    help="Raw text, images, audio, video and depth maps become vectors, searchable across modalities.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(name="run")(run.run)
app.command(name="search")(search.search)
app.command(name="quarantine")(quarantine.quarantine)
app.command(name="submit")(submit.submit)
app.command(name="status")(status.status)
app.command(name="gateway")(gateway.gateway)
app.command(name="serve")(serve.serve)
app.command(name="trace")(trace.trace)
app.command(name="up")(up.up)
app.command(name="work")(work.work)
app.command(name="vectors", hidden=True)(vectors.vectors)
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(spec.app, name="spec")
app.add_typer(model.app, name="model")


@app.callback()
def options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    """Options of every command."""
    if version:
        from importlib.metadata import version as installed  # 20 ms that only --version pays

        typer.echo(f"mmpipe {installed('mmpipe')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an expected fault is one message on stderr and its exit code, a bug is a traceback."""
    try:
        app()
    except MmpipeError as error:
        typer.echo(f"mmpipe: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_SERVICES:
            raise
        found, remedy = f"found no {error.name} in this Python", "pip install 'mmpipe[serve]'"
        typer.echo(f"mmpipe: {found}; expected the extra serve, which this command needs; {remedy}", err=True)
        sys.exit(MmpipeError.exit_code)
