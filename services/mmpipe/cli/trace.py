"""``mmpipe trace``: where the time of one sample went, in the terminal or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmpipe.cli.options import Data


def trace(
    wanted: Annotated[
        str, typer.Argument(metavar="[ID]", help="Sample or trace; the latest sample if not given.")
    ] = "",
    *,
    svg: Annotated[Path | None, typer.Option(help="Write a picture to this file instead.")] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", help="File of spans (OTLP JSON lines), or a folder of them. May be given again."),
    ] = None,
    data: Data = Path("mmpipe-data"),
) -> None:
    """Show the spans of one sample, from its submission to its vectors.

    Reads what `mmpipe up` recorded in DATA, or what any process wrote to MMPIPE_TRACES_FILE.
    """
    from mmpipe.cli import waterfall

    paths = [path for place in source or sorted(data.glob("*/up/traces")) for path in _files(place)]
    spans = waterfall.chosen(list(waterfall.read(paths)), wanted)
    if svg is None:
        typer.echo("\n".join(waterfall.lines(spans)))
        return
    svg.write_text(waterfall.drawing(spans), encoding="utf-8")
    typer.echo(f"wrote {svg}", err=True)


def _files(place: Path) -> list[Path]:
    return sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
