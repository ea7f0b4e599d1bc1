"""Rows of a manifest, whichever format they come from, and the columns that mean something.

``jsonlines``, ``csvs`` and ``parquets`` make rows; ``manifests`` makes samples of them. A row that can't be read is a
:class:`BadRow` and the next one follows; a manifest that can't be read at all raises DamagedInputError with the place.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmpipe.adapters.inputs.errors import DamagedInputError, InputBombError
from mmpipe.adapters.inputs.kinds import PART_COLUMNS
from mmpipe.adapters.inputs.uris import Origin, readable

RESERVED_COLUMNS = frozenset({"id", "attributes", *PART_COLUMNS})
"""Columns with a meaning; all others are attributes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its ``number`` (1 is the first that holds data), its ``place`` for messages, and its cells."""

    number: int
    place: str
    cells: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be read: what was found in its place, and what was expected."""

    number: int
    place: str
    found: str
    expected: str


def damaged(origin: Origin, place: str, found: str, expected: str, remedy: str) -> DamagedInputError:
    """The error of a manifest that can't be read at all."""
    return DamagedInputError(f"{readable(origin.name)}, {place}", found, expected, remedy)


def until_broken(rows: Iterable[Row | BadRow]) -> Iterator[Row | BadRow]:
    """The same rows; where the stream under them breaks off, a last bad row says so. Before the first, it raises."""
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except (DamagedInputError, InputBombError) as error:
        if number == 0:
            raise
        yield BadRow(number + 1, f"what follows row {number}", str(error), "a complete manifest")


def check_columns(columns: Sequence[str], origin: Origin, place: str) -> None:
    """Raises DamagedInputError where no column names a part, or two have one name."""
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled:
        raise damaged(origin, place, f"column {doubled[0]!r} twice", "every column once", "rename one of them")
    if RESERVED_COLUMNS.isdisjoint({*columns} - {"id", "attributes"}):
        found = f"the columns {', '.join(map(readable, columns))}"
        raise damaged(origin, place, found, f"one of {', '.join(PART_COLUMNS)} among them", _rename(columns))


def _rename(columns: Sequence[str]) -> str:
    for column in columns:
        if meant := difflib.get_close_matches(column.lower(), PART_COLUMNS, n=1):
            return f"did you mean {meant[0]} by {readable(column)}?"
    return "rename the column that holds texts or paths"
