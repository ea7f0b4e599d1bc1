"""Write the tables of ``docs/reliability.md`` from what the suites of ``make reliability`` have found.

The suites say it as JSON lines (``e2e.cluster.results``), one row each; here rows become tables between the page's
markers. No number in those tables is a person's.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tables import replace_between, table

PAGE = Path("docs/reliability.md")

type Row = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Read the rows of these files, and write each table that they have."""
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for path in arguments:
        for row in map(json.loads, Path(path).read_text(encoding="utf-8").splitlines()):
            rows[row.pop("table")].append(row)
    for name, found in rows.items():
        replace_between(PAGE, name, rendered(found))
    print(f"{PAGE}: {', '.join(f'{len(found)} rows of {name}' for name, found in rows.items()) or 'nothing found'}")
    return 0 if rows else 1


def rendered(rows: Iterable[Row]) -> str:
    """A table whose columns are the rows' cells; a name's unit is its last word: ``bound_s`` is `bound (s)`."""
    found = list(rows)
    return table([_head(name) for name in found[0]], [list(row.values()) for row in found])


def _head(name: str) -> str:
    words, _, unit = name.rpartition("_")
    return f"{words.replace('_', ' ')} ({unit})" if words and unit == "s" else name.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
