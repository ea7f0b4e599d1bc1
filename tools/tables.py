"""Write what a command has measured into the page that tells of it, between two markers.

::

    <!-- begin NAME -->
    | what | seconds |
    <!-- end NAME -->

So numbers in the pages have one source, a command that anybody can run again; all else on a page is a person's. Its
neighbour ``make_reference`` writes whole pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class NoPlace(ValueError):  # noqa: N818  # says what is the case
    """The page does not say where the text goes."""


def replace_between(page: Path, name: str, text: str) -> None:
    """Put ``text`` where the page has the markers of ``name``. Raises NoPlace where it has not each of them once."""
    before, begin, rest = _halves(page, page.read_text(encoding="utf-8"), f"<!-- begin {name} -->")
    _, end, after = _halves(page, rest, f"<!-- end {name} -->")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    return "\n".join(map(_row, (head, ["---"] * len(head), *rows)))


def _halves(page: Path, text: str, marker: str) -> tuple[str, str, str]:
    found = text.count(marker)
    if found != 1:
        raise NoPlace(f"{page}: found {marker!r} {found} times, expected once, the end after its begin; put it there")
    return text.partition(marker)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
