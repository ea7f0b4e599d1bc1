"""``mmpipe run``: an input goes through the pipeline into its stores, with progress and a summary."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from mmpipe.cli.options import Data, Quiet
from mmpipe.cli.stopping import EXIT_INTERRUPTED, stopping

if TYPE_CHECKING:
    from mmpipe.runtimes.local import Progress
    from mmpipe.runtimes.pipeline import Pipeline

_EXIT_FAILED = 1


def run(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[SPEC] INPUT",
            help="INPUT is a folder, file, glob, archive (tar, zip), manifest (JSONL, CSV, Parquet) or - for stdin."
            " SPEC is a MultimodalPipeline file; without one, every modality has its defaults.",
        ),
    ],
    data: Data = Path("mmpipe-data"),
    *,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one for each core if not given.")] = None,
    id_prefix: Annotated[
        str | None, typer.Option(help="First part of the samples' ids, instead of the input's name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run an input through the pipeline: decode, clean, embed, fuse, store.

    A second run over the same input stores nothing twice; an interrupted one goes on where it stopped. Ctrl-C finishes
    what is in flight. Ends with 0; 1 where parts failed (run again to retry them); 2 for a spec or input that cannot be
    used; 3 for a store that cannot be used; 130 when interrupted.
    """
    spec, where = _spec_and_input(inputs)
    from mmpipe.runtimes.allocator import keep_freed_memory

    keep_freed_memory()
    from mmpipe.cli import progress as display

    pipeline = _pipeline(spec, data, workers)
    with stopping() as stop, display.shown(where, enabled=not (quiet or as_json)) as observe:
        done = pipeline.run(where, id_prefix=id_prefix, stop=stop, observe=observe)
    if as_json:
        typer.echo(json.dumps(display.as_dict(done, interrupted=stop.is_set()), indent=2))
    elif not quiet:
        display.print_summary(done, interrupted=stop.is_set())
    if not done.counts and not stop.is_set():
        typer.echo(f"mmpipe: {where} holds no files to read", err=True)
    raise typer.Exit(_exit_code(done, stop))


def _spec_and_input(arguments: list[str]) -> tuple[Path | None, str]:
    match arguments:
        case [where]:
            return None, where
        case [spec, where]:
            return Path(spec), where
        case _:
            raise typer.BadParameter(f"found {len(arguments)} arguments, expected [SPEC] INPUT; quote a glob")


def _pipeline(spec: Path | None, data: Path, workers: int | None) -> Pipeline:
    from mmpipe.cli.spec import read
    from mmpipe.runtimes.pipeline import Pipeline

    return Pipeline(read(spec) if spec else None, data=data, workers=workers)


def _exit_code(done: Progress, stop: Event) -> int:
    if stop.is_set():
        return EXIT_INTERRUPTED
    whole = done.verified is not None and done.verified.ok and not done.counts["sample", "failed"]
    return 0 if whole else _EXIT_FAILED
