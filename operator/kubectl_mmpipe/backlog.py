"""How far behind each process is: rows for ``lag``. Pure.

The whole pipeline's backlog is the rounded one of its status; a process's is what its autoscaler reads. What nobody has
read is None here and "unknown" in the table, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from kubectl_mmpipe.state import Pipeline, Process
from kubectl_mmpipe.tree import known
from mmpipe.cli.printable import plain

WHOLE = "all"
"""The row of the whole pipeline."""


@dataclass(frozen=True, slots=True)
class Row:
    """One process, or the whole pipeline: samples that wait or run, pods ready of wanted, and how that is known."""

    pipeline: str
    namespace: str
    process: str
    backlog: str | None
    ready: int | None
    desired: int | None
    known: str


def rows(pipeline: Pipeline) -> list[Row]:
    """The whole pipeline first, then its processes."""
    return [_whole(pipeline), *(_process(pipeline, process) for process in pipeline.processes)]


def table(lag: list[Row]) -> Table:
    """The rows for a terminal."""
    heads = ("pipeline", "process", "backlog", "ready", "known from")
    made = Table(*heads, box=None, header_style="bold", pad_edge=False)
    for row in lag:
        ready = "" if row.process == WHOLE else f"{_count(row.ready)}/{_count(row.desired)}"
        cells = (f"{row.namespace}/{row.pipeline}", row.process, row.backlog or "unknown", ready, row.known)
        made.add_row(*(Text(plain(cell)) for cell in cells))
    return made


def _whole(pipeline: Pipeline) -> Row:
    queue = next(each.condition for each in pipeline.neighbours if each.name == "queue")
    backlog = pipeline.backlog if queue.status == "True" else ""  # of a queue that can't be read, the last one is old
    why = "status, rounded" if backlog else f"{queue.type} {queue.status or 'Unknown'}: {queue.message}"
    return Row(pipeline.name, pipeline.namespace, WHOLE, backlog or None, None, None, why)


def _process(pipeline: Pipeline, process: Process) -> Row:
    backlog = process.autoscaler.backlog if process.autoscaler else None
    text = None if backlog is None else f"{backlog:.0f}"
    why = known(process.autoscaler) if process.autoscaler else "no autoscaler reads it"
    return Row(pipeline.name, pipeline.namespace, process.name, text, process.ready, process.desired, why)


def _count(number: int | None) -> str:
    return "unknown" if number is None else str(number)
