"""``mmpipe model``: look at a model package, measure the tiny model, train it again.

Commands import what they need when they run: ``--help`` pays for none of it, and only ``train-tiny`` imports torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from mmpipe.models.package import ModelPackage
    from mmpipe.models.tiny.evaluate import Report

app = typer.Typer(help="Model packages: show, evaluate, train.", no_args_is_help=True)

Uri = Annotated[str, typer.Argument(help="builtin:tiny or the folder of a model package.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def show(uri: Uri = "builtin:tiny", *, as_json: Json = False) -> None:
    """Print what a package says about itself, after verifying its digests."""
    from mmpipe.models import package

    found = package.load(package.resolve(uri))
    if as_json:
        typer.echo(found.manifest.model_dump_json(indent=2))
    else:
        _print(_towers_table(found))


@app.command()
def evaluate(
    uri: Uri = "builtin:tiny",
    *,
    scenes: Annotated[int, typer.Option(min=20, help="How many held-out scenes.")] = 400,
    seed: Annotated[int, typer.Option(help="Which held-out scenes.")] = 2026,
    codecs: Annotated[
        bool, typer.Option("--codecs", help="Send media through JPEG, MP3, H.264 and 16-bit PNG.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure retrieval between all pairs of modalities on combinations that training never saw."""
    from mmpipe.models import package
    from mmpipe.models.tiny.evaluate import evaluate as measure

    report = measure(package.load(package.resolve(uri)), scenes, seed, through_codecs=codecs)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        _print(_scores_table(report))


@app.command()
def train_tiny(
    out: Annotated[Path, typer.Option(help="The folder for the package; work files go to OUT.work.")],
    *,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of gradient descent; default: as shipped.")] = None,
    scenes: Annotated[int | None, typer.Option(min=1, help="Training scenes to render; default: as shipped.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all that is random; default: as shipped.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.work.")] = False,
) -> None:
    """Train the tiny model, export it as a package and evaluate it. Needs the extra ``mmpipe[torch]``."""
    from mmpipe.models.tiny.make import make

    chosen = {
        name: value for name, value in (("steps", steps), ("scenes", scenes), ("seed", seed)) if value is not None
    }
    report = make(out, chosen, resume=resume, tell=typer.echo)
    _print(_scores_table(report))


def _print(table: Table) -> None:
    from rich.console import Console

    Console().print(table)


def _towers_table(found: ModelPackage) -> Table:
    from rich.table import Table

    table = Table(
        "Tower", "File", "Input", "Parity", title=f"{found.identity}  {found.dimension} dimensions  {found.licence}"
    )
    for modality in found.modalities:
        entry = found.manifest.towers[modality]
        table.add_row(modality, entry.file, entry.input.kind, f"{entry.parity:.1e}")
    return table


def _scores_table(report: Report) -> Table:
    from rich.table import Table

    through = ", through codecs" if report.through_codecs else ""
    title = f"{report.model} on {report.scenes} held-out scenes{through}"
    table = Table("Query", "Candidates", "R@1", "R@5", "mAP", "exact@1", "limit", title=title)
    for (query, candidate), got in report.pairs.items():
        figures = (got.recall_at_1, got.recall_at_5, got.mean_average_precision, got.exact_at_1, got.exact_limit)
        table.add_row(query, candidate, *(f"{figure:.3f}" for figure in figures))
    return table
