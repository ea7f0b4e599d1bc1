"""``mmpipe quarantine``: what gates rejected, and why; nothing is ever dropped without a row here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmpipe.cli.options import TOKEN_ENV, Data, GatewayAddress, Json, Name, TokenEnv
from mmpipe.cli.printable import plain

if TYPE_CHECKING:
    from mmpipe.client import QuarantinedItem

type Row = Mapping[str, Any]
"""A row of quarantine as JSON has it, the same from the stores and from a gateway."""


def quarantine(
    data: Data = Path("mmpipe-data"),
    pipeline: Name = None,
    *,
    gate: Annotated[str, typer.Option(help="Only gates that start so, such as image.clean.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Most rows.")] = 100,
    release: Annotated[
        str | None,
        typer.Option(metavar="SAMPLE_ID", help="Let this sample in, whatever its gates say. Needs --gateway."),
    ] = None,
    gateway: GatewayAddress = None,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """List what was rejected: item, gate, score, threshold and reason; or release a sample.

    With --gateway the pipeline behind it answers; without, the stores of the data folder do. A released sample is
    queued again, and no gate rejects it.
    """
    if release is not None:
        _release(release, gateway, token_env)
        return
    rows = _from_gateway(gateway, token_env, gate, limit) if gateway else _from_stores(data, pipeline, gate, limit)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
    else:
        _print(rows)


def _release(sample_id: str, gateway: str | None, token_env: str) -> None:
    from mmpipe.cli.connection import connect

    with connect(gateway, token_env) as client:
        client.release(sample_id)
    typer.echo(plain(f"{sample_id}: queued again; no gate rejects it"))


def _from_stores(data: Path, pipeline: str | None, gate: str, limit: int) -> list[Row]:
    from mmpipe.runtimes import home

    with home.open_reader(home.stored_pipeline(data, pipeline), data) as reader:
        return [dataclasses.asdict(row) for row in reader.quarantined(gate=gate, limit=limit)]


def _from_gateway(gateway: str, token_env: str, gate: str, limit: int) -> list[Row]:
    from mmpipe.cli.connection import connect

    with connect(gateway, token_env) as client:
        return [_row(item) for item in islice(client.quarantined(gate=gate), limit)]


def _row(item: QuarantinedItem) -> Row:
    row = dataclasses.asdict(item)
    verdict = row.pop("rejected")
    return {**row, **verdict}


def _print(rows: Sequence[Row]) -> None:
    for row in rows:
        segment = row["segment"]
        stretch = f" {segment['start_s']:g}-{segment['end_s']:g} s" if segment else ""
        typer.echo(
            plain(f"{row['sample_id']}: {row['modality'] or 'unknown'}{stretch}: {row['gate']}: {row['reason']}")
        )
        typer.echo(plain(f"    {row['uri']}"))
    typer.echo(f"{len(rows)} in quarantine" if rows else "nothing in quarantine")
