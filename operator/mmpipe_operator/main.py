"""The command ``mmpipe-operator``: the composition root of the operator.

It ends with 0 when it was told to stop, 1 when it lost its lease, 2 for settings or a port that can't be used.
"""

from __future__ import annotations

import sys

import typer

from mmpipe.errors import MmpipeError

_UNUSABLE = 2

app = typer.Typer(help="Keeps MultimodalPipelines of a Kubernetes cluster true.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keep MultimodalPipelines of a Kubernetes cluster true."""


@app.command()
def run() -> None:
    """Run the operator, with the settings of the environment (``MMPIPE_OPERATOR_*``)."""
    from mmpipe_operator import process, settings  # noqa: PLC0415  # heavy: --help answers at once

    raise typer.Exit(process.run(settings.from_environment()))


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
