"""What a run shows: a line for each modality while it works, and a table when it is done.

Totals are a guess from the names in a folder, made in the background; where nothing can be guessed (archives, stdin),
the line shows count and rate without an end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from mmpipe.adapters.sink import Verified
from mmpipe.records import Modality
from mmpipe.runtimes.local import Progress
from mmpipe.runtimes.tally import OUTCOMES
from mmpipe.stages.formats import CATALOGUE

type Observer = Callable[[Progress], None]

_KINDS = (*map(str, Modality), "unknown")
_LIKELIEST = {suffix: next(iter(row.media_types)) for row in CATALOGUE.values() for suffix in row.suffixes}


@contextmanager
def shown(where: str, *, enabled: bool) -> Iterator[Observer]:
    """Bars on stderr for as long as the context lasts; the observer it gives draws them."""
    if not enabled:
        yield lambda _: None
        return
    totals: Counter[str] = Counter()
    Thread(target=_guess_totals, args=(where, totals), daemon=True).start()
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}
        yield lambda progress: _draw(bars, tasks, totals, progress)


def as_dict(done: Progress, *, interrupted: bool) -> dict[str, object]:
    """The summary for programs: seconds, samples, vectors, and the parts of each modality by outcome."""
    samples = _outcomes(done, "sample")
    return {
        "interrupted": interrupted,
        "seconds": round(done.seconds, 3),
        "samples_per_second": round(sum(samples.values()) / done.seconds, 1),
        "samples": samples,
        "parts": {kind: _outcomes(done, kind) for kind in _KINDS if _total(done, kind)},
        "vectors": done.vectors,
        "verified": bool(done.verified and done.verified.ok),
        "conflicts": dict(done.conflicts),
        "mismatches": dict(done.mismatches),
    }


def print_summary(done: Progress, *, interrupted: bool) -> None:
    """The summary for people: a table by modality, then one line."""
    console = Console()
    table = Table("", *OUTCOMES, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in _KINDS:
        if _total(done, kind):
            table.add_row(kind, *(str(count) for count in _outcomes(done, kind).values()))
    table.add_row("samples", *(str(count) for count in _outcomes(done, "sample").values()), style="bold")
    console.print(table)
    rate = _total(done, "sample") / done.seconds
    state = "interrupted, run again to go on" if interrupted else "done"
    console.print(f"{state}: {done.vectors} vectors written in {done.seconds:.1f} s, {rate:,.0f} samples/s")
    if done.verified:
        console.print(_verdict(done.verified), highlight=False)
    for sentence in done.mismatches.values():
        console.print(f"misnamed: {sentence}", style="yellow", markup=False, highlight=False)
    for sample, reason in done.conflicts.items():
        console.print(f"not stored: {sample}: {reason}", style="yellow", markup=False)


def _verdict(verified: Verified) -> str:
    if verified.ok:
        return f"verified: Milvus counts {verified.counted} rows, as many as the metadata"
    lost = f"{len(verified.lost)} samples will be written again by the next run" if verified.lost else "report it"
    return f"not verified: Milvus counts {verified.counted} rows, the metadata {verified.expected}; {lost}"


def _outcomes(done: Progress, kind: str) -> dict[str, int]:
    return {outcome: done.counts[kind, outcome] for outcome in OUTCOMES}


def _total(done: Progress, kind: str) -> int:
    return sum(_outcomes(done, kind).values())


def _bars() -> Bars:
    return Bars(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>8}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rejected]} quarantined"),
        console=Console(stderr=True),
        transient=True,
    )


def _draw(bars: Bars, tasks: dict[str, TaskID], totals: Counter[str], progress: Progress) -> None:
    for kind in _KINDS:
        done = _total(progress, kind)
        if not done:
            continue
        if kind not in tasks:
            tasks[kind] = bars.add_task(kind, total=None, rate="", rejected=0)
        bars.update(
            tasks[kind],
            completed=done,
            total=max(totals[kind], done) or None,
            rate=f"{done / progress.seconds:,.0f}",
            rejected=progress.counts[kind, "quarantined"],
        )


def _guess_totals(where: str, totals: Counter[str]) -> None:
    """Count the files of a folder by what their names promise. A guess: the run itself trusts content only."""
    for _, _, names in os.walk(where):
        suffixes = (Path(name).suffix.lstrip(".").lower() for name in names)
        totals.update(str(_LIKELIEST[suffix]) for suffix in suffixes if suffix in _LIKELIEST)
