"""``mmpipe quarantine``: what gates rejected, and why; nothing is ever dropped without a row here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import Data, Json, Name

if TYPE_CHECKING:
    from mmpipe.adapters.metadata.reading import Quarantined


def quarantine(
    data: Data = Path("mmpipe-data"),
    pipeline: Name = None,
    *,
    gate: Annotated[str, typer.Option(help="Only gates that start so, such as image.clean.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Most rows.")] = 100,
    as_json: Json = False,
) -> None:
    """List what was rejected: item, gate, score, threshold and reason."""
    from mmpipe.runtimes import home

    with home.open_reader(home.stored_pipeline(data, pipeline), data) as reader:
        rows = reader.quarantined(gate=gate, limit=limit)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        _print(rows)


def _print(rows: Sequence[Quarantined]) -> None:
    for row in rows:
        stretch = f" {row.segment.start_s:g}-{row.segment.end_s:g} s" if row.segment else ""
        typer.echo(f"{row.sample_id}: {row.modality or 'unknown'}{stretch}: {row.gate}: {row.reason}\n    {row.uri}")
    typer.echo(f"{len(rows)} in quarantine" if rows else "nothing in quarantine")
