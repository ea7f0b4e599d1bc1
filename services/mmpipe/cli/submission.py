"""What a submission shows: a line while samples go in, a summary when they are in. Its counts are kept here.

``progress`` is the same for a local run; ``submit`` does the work.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn

from mmpipe.cli.printable import plain
from mmpipe.records import Sample

if TYPE_CHECKING:
    from mmpipe.client import Receipt

_REFUSALS_KEPT = 100
"""In the summary for programs; all of them are named on stderr as they come."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sample, or a part of one, that is not in the pipeline, and why."""

    sample_id: str
    reason: str
    message: str


@dataclass(slots=True)
class Submitted:
    """What has been done so far. ``ids`` are those of the samples that are in, where somebody waits for them.

    ``left_out`` are parts of the input that are no part of a sample: unknown formats, damaged files.
    """

    keep_ids: bool = False
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    left_out: int = 0
    ids: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    settled: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether all of the input is in, and none of it was given up."""
        return not (self.refused or self.left_out or self.settled["dead"])

    def add(self, receipt: Receipt) -> None:
        """Count a receipt; a refusal is named on stderr."""
        if receipt.error is not None:
            self.refused += 1
            self._name(Refusal(receipt.sample_id, receipt.error.reason, str(receipt.error)))
            return
        self.accepted += 1
        self.duplicates += receipt.duplicate
        if self.keep_ids:
            self.ids.append(receipt.sample_id)

    def leave_out(self, sample: Sample) -> None:
        """Count what could not be read of a sample; it is named on stderr."""
        for uri, verdict in sample.unreadable.items():
            self.left_out += 1
            self._name(Refusal(sample.id, verdict.gate, f"{uri}: {verdict.reason}"))

    def end(self) -> None:
        """Stop the clock."""
        self.seconds = time.perf_counter() - self.started

    def _name(self, refusal: Refusal) -> None:
        if len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(refusal)
        typer.echo(plain(f"not in: {refusal.sample_id}: {refusal.message}"), err=True)


def as_dict(done: Submitted, *, interrupted: bool) -> dict[str, object]:
    """The summary for programs."""
    return {
        "interrupted": interrupted,
        "seconds": round(done.seconds, 3),
        "samples_per_second": round(_rate(done), 1),
        "accepted": done.accepted,
        "duplicates": done.duplicates,
        "refused": done.refused,
        "left_out": done.left_out,
        "settled": dict(done.settled),
        "refusals": [
            {"sample_id": one.sample_id, "reason": one.reason, "message": one.message} for one in done.refusals
        ],
    }


def print_summary(done: Submitted, *, interrupted: bool) -> None:
    """The summary for people: one line, and a second one where somebody waited."""
    state = "interrupted, submit again to go on" if interrupted else "done"
    known = f" ({done.duplicates:,} known already)" if done.duplicates else ""
    typer.echo(
        f"{state}: {done.accepted:,} samples accepted{known}, {done.refused:,} refused, {done.left_out:,} parts left"
        f" out in {done.seconds:.1f} s, {_rate(done):,.0f} samples/s"
    )
    if done.settled:
        typer.echo("settled: " + ", ".join(f"{count:,} {state}" for state, count in sorted(done.settled.items())))


@contextmanager
def shown(*, enabled: bool) -> Iterator[Callable[[Submitted], None]]:
    """A line on stderr for as long as the context lasts; the observer it gives draws it."""
    if not enabled:
        yield lambda _: None
        return
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done: bars.update(task, description=_line(done))


def _line(done: Submitted) -> str:
    seconds = max(time.perf_counter() - done.started, 1e-9)
    line = f"{done.accepted:,} accepted  {done.accepted / seconds:,.0f}/s  {done.refused + done.left_out:,} not in"
    return f"{line}  {done.settled.total():,} of {len(done.ids):,} settled" if done.settled else line


def _rate(done: Submitted) -> float:
    return done.accepted / max(done.seconds, 1e-9)
