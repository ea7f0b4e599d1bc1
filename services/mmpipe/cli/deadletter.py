"""``mmpipe deadletter``: samples that were given up. List them, look at one, put them into the queue again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.filters import EXAMPLE, parse
from mmpipe.cli.options import TOKEN_ENV, GatewayAddress, Json, TokenEnv
from mmpipe.cli.printable import plain
from mmpipe.cli.status import moment

if TYPE_CHECKING:
    from mmpipe.client import DeadLetter, Redrive

app = typer.Typer(help="Samples that were given up: list, show, redrive.", no_args_is_help=True)

_EXIT_LEFT = 1
_PIPED_WIDTH = 160

Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILTER",
        help=f"Only those that fit, such as {EXAMPLE}. Keys: id, stage (a prefix will do), reason (~: a piece of it),"
        " modality, since, until (an age such as 2h, or a time). May be given again; all must hold.",
    ),
]


@app.command(name="list")
def list_(
    gateway: GatewayAddress = None,
    *,
    where: Where = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows.")] = 100,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first: sample, stage, attempts, redrives, last seen and reason."""
    from mmpipe.cli.connection import connect

    wanted = parse(where or (), datetime.now(UTC))
    with connect(gateway, token_env) as client:
        letters = list(islice(client.dead_letters(wanted), limit))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(letter) for letter in letters], indent=2, default=str))
    elif letters:
        _print_table(letters)
    else:
        typer.echo("no dead letters" + (" that fit" if where else ""))


@app.command()
def show(
    sample_id: Annotated[str, typer.Argument(metavar="SAMPLE_ID", help="Id of the sample.")],
    gateway: GatewayAddress = None,
    *,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """Show one dead letter: why it was given up, how often it was tried, its trace. Ends with 2 where there is none."""
    from mmpipe.cli.connection import connect
    from mmpipe.client import DeadLetterFilter, NotFound

    with connect(gateway, token_env) as client:
        letter = next(client.dead_letters(DeadLetterFilter(sample_ids=(sample_id,))), None)
    if letter is None:
        raise NotFound(f"dead letter {sample_id!r}: found none; expected one; see mmpipe status, or deadletter list")
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(letter), indent=2, default=str))
    else:
        typer.echo("\n".join(map(plain, _lines(letter))))


@app.command()
def redrive(
    gateway: GatewayAddress = None,
    *,
    where: Where = None,
    rate: Annotated[float, typer.Option(min=0.001, help="Samples per second.")] = 10.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    max_redrives: Annotated[
        int, typer.Option(min=1, help="Leave those that were redriven this often without success.")
    ] = 3,
    token_env: TokenEnv = TOKEN_ENV,
    as_json: Json = False,
) -> None:
    """Put dead letters into the queue again: all, or those that fit. Look first with --dry-run.

    Ends with 1 where some stay dead letters.
    """
    from mmpipe.cli.connection import connect

    wanted = parse(where or (), datetime.now(UTC))
    with connect(gateway, token_env) as client:
        redriven = client.redrive(wanted, rate=rate, dry_run=dry_run, max_redrives=max_redrives)
        done = list(redriven if as_json else _told(redriven, dry_run=dry_run))
    left = [one for one in done if not one.redriven]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(one) for one in done], indent=2))
    else:
        typer.echo(f"{len(done) - len(left)} {'would be ' if dry_run else ''}redriven, {len(left)} left")
    raise typer.Exit(_EXIT_LEFT if left else 0)


def _told(redriven: Iterable[Redrive], *, dry_run: bool) -> Iterator[Redrive]:
    """Each of them, named as it comes."""
    for one in redriven:
        done = "would be redriven" if dry_run else "redriven"
        typer.echo(plain(f"{one.sample_id}: {done if one.redriven else f'left: {one.reason}'}"))
        yield one


def _lines(letter: DeadLetter) -> Iterator[str]:
    yield f"{letter.sample_id}: given up in {letter.stage}"
    yield f"  {letter.reason}"
    yield f"  parts: {', '.join(letter.modalities) or 'none recognised'}"
    yield f"  delivered {letter.attempts} times, redriven {letter.redrives} times"
    yield f"  first seen {moment(letter.first_seen)}, last seen {moment(letter.last_seen)}"
    yield f"  trace {letter.trace_id or 'none'}"


def _print_table(letters: Iterable[DeadLetter]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("sample", "stage", "tries", "redrives", "last seen", "reason", box=None, header_style="bold")
    for letter in letters:
        cells = (letter.sample_id, letter.stage, letter.attempts, letter.redrives, moment(letter.last_seen))
        table.add_row(*(Text(plain(str(cell))) for cell in cells), Text(plain(letter.reason)))
    (console if console.is_terminal else Console(width=_PIPED_WIDTH)).print(table)
