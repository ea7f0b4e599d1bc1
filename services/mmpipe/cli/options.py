"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Option("--data", envvar="MMPIPE_DATA", help="Folder of the embedded stores, one folder for each pipeline."),
]
Name = Annotated[
    str | None, typer.Option("--pipeline", help="Name of the pipeline; needed where the data folder holds several.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
