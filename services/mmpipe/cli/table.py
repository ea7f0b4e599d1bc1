"""Hits in a terminal: a row for each, for people, and JSON, for programs. ``cli.page`` is the same with previews.

Ids, URIs and attributes come from samples and may hold anything: nothing in them is read as markup, and what a terminal
would obey (escape sequences, text direction) is shown as its code.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mmpipe.cli.clock import span
from mmpipe.cli.printable import plain
from mmpipe.records import Attributes

if TYPE_CHECKING:
    from mmpipe import client
    from mmpipe.runtimes import search

    type Hit = search.Hit | client.Hit

_NO_HIT = "No stored sample answers: loosen --where, allow more modalities, or store samples first with mmpipe run.\n"
_PIPED_WIDTH = 120
"""Columns where no terminal says how wide it is."""
_LEAST_WIDTH = 72
"""Columns that a row needs; a narrower terminal wraps it."""
_BAR_WIDTH = 10
_GAP = 2


def as_json(hits: Sequence[Hit]) -> str:
    """The hits as a JSON array in order, a line break at the end; ``segment`` is null where the whole part matched.

    All of it is ASCII, so that no encoding and no terminal can spoil it.
    """
    return json.dumps([dataclasses.asdict(hit) for hit in hits], indent=2, default=str) + "\n"


def render(hits: Sequence[Hit], console: Console | None = None) -> str:
    """The hits as text, best first, as wide and as coloured as ``console`` (standard output where None) can show."""
    if not hits:
        return _NO_HIT
    console = console or _standard_output()
    with console.capture() as capture:
        console.print(_table(hits, console.width))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def shortened(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, its middle left out: of a URI, both ends tell the most."""
    if len(text) <= width:
        return text
    kept = max(width - 1, 2)
    return f"{text[: kept // 2]}\N{HORIZONTAL ELLIPSIS}{text[-(kept - kept // 2) :]}"


def _standard_output() -> Console:
    console = Console()
    return Console(width=max(console.width, _LEAST_WIDTH) if console.is_terminal else _PIPED_WIDTH)


def _table(hits: Sequence[Hit], width: int) -> Table:
    table = Table.grid(padding=(0, _GAP, 0, 0))
    columns = [str(len(hits)), " " * _BAR_WIDTH, "-0.000", *_widest(hits)]
    for column in columns:
        table.add_column(width=len(column))
    room = max(20, width - sum(len(column) + _GAP for column in columns) - _GAP)
    for rank, hit in enumerate(hits, 1):
        table.add_row(*_cells(rank, hit), _what(hit, room))
    return table


def _widest(hits: Sequence[Hit]) -> tuple[str, str]:
    return max((hit.modality for hit in hits), key=len), max((_stretch(hit) for hit in hits), key=len)


def _cells(rank: int, hit: Hit) -> tuple[Text, Bar, Text, Text, Text]:
    return (
        Text(str(rank), "dim", justify="right"),
        Bar(1.0, 0.0, min(max(hit.score, 0.0), 1.0), width=_BAR_WIDTH, color="cyan"),
        Text(f"{hit.score:.3f}", justify="right"),
        Text(hit.modality, "cyan"),
        Text(_stretch(hit)),
    )


def _what(hit: Hit, room: int) -> Group:
    """The sample, where it is from, and what it says of itself: a line each, the last where it says something."""
    lines = [_line(shortened(plain(hit.sample_id), room), "bold"), _line(shortened(plain(hit.uri), room), "dim")]
    if hit.attributes:
        lines.append(_line(plain(_attributes(hit.attributes))))
    return Group(*lines)


def _line(text: str, style: str = "") -> Text:
    """One line, never two; wide characters (CJK) may still be cut off at the end."""
    return Text(text, style, overflow="ellipsis", no_wrap=True)


def _attributes(attributes: Attributes) -> str:
    return "  ".join(f"{name}={value}" for name, value in attributes.items())


def _stretch(hit: Hit) -> str:
    return span(hit.segment) if hit.segment else ""
