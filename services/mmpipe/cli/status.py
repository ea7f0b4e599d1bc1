"""``mmpipe status``: where a sample is, and what became of each of its parts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import TOKEN_ENV, GatewayAddress, Json, TokenEnv
from mmpipe.cli.printable import plain

if TYPE_CHECKING:
    from mmpipe.client import PartStatus, SampleStatus


def status(
    sample_id: Annotated[str, typer.Argument(metavar="SAMPLE_ID", help="Id of the sample.")],
    gateway: GatewayAddress = None,
    *,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """Show where a sample is: queued, pending, stored, quarantined or dead, and what became of each part.

    Ends with 2 for a sample that was never accepted.
    """
    from mmpipe.cli.connection import connect

    with connect(gateway, token_env) as client:
        known = client.sample(sample_id)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(known), indent=2, default=str))
    else:
        typer.echo("\n".join(map(plain, lines(known))))


def lines(known: SampleStatus) -> Iterator[str]:
    """What is known, a line for each thing; nothing for what is not."""
    yield f"{known.sample_id}: {known.state}{f', {known.reason}' if known.reason else ''}"
    yield from _moments(known)
    yield from (f"  {_part(part)}" for part in known.parts)
    if known.alignment_confidence is not None:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in sorted(known.weights.items()))
        yield f"  fused: {weights}; agreement {known.alignment_confidence:.2f}"
    if known.missing:
        yield f"  missing: {', '.join(known.missing)}"
    if known.degraded:
        yield f"  left out while their services were down: {', '.join(known.degraded)}; submit it again to complete it"


def moment(when: datetime | None) -> str:
    """A moment in the machine's own zone, to the second."""
    return when.astimezone().isoformat(" ", "seconds") if when else "never"


def _moments(known: SampleStatus) -> Iterator[str]:
    if known.accepted_at:
        yield f"  accepted {moment(known.accepted_at)}"
    if known.written_at:
        yield f"  written  {moment(known.written_at)}"


def _part(part: PartStatus) -> str:
    from mmpipe.cli.clock import span

    stretch = f" {span(part.segment)}" if part.segment else ""
    return f"{part.modality or 'unknown'}{stretch}: {_fate(part)}  {part.uri}"


def _fate(part: PartStatus) -> str:
    from mmpipe.client import Stored
    from mmpipe.records import Failed, Rejected

    match part.fate:
        case Stored():
            return "stored"
        case Rejected():
            return f"rejected by {part.fate.gate}: {part.fate.reason}"
        case Failed():
            return f"failed in {part.fate.stage}: {part.fate.reason}"
    return "not known yet"
