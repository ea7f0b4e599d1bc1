"""What the suites of reliability have found out, for the tables of ``docs/reliability.md``, and their common seed.

``--results FILE`` has each row written to a file as JSON, one a line; ``tools/make_reliability.py`` reads it. Without
it rows are printed alone.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest


class Results:
    """``seed`` decides all that a suite leaves to chance; ``--seed`` repeats what another run has done."""

    def __init__(self, seed: int, path: Path | None, capture: pytest.CaptureFixture[str]) -> None:
        self.seed = seed
        self._path = path
        self._capture = capture

    def row(self, table: str, **cells: object) -> None:
        """One row of a table. What is measured is given as it is to be read."""
        said = {"table": table, **cells}
        with self._capture.disabled():
            print("\n" + ", ".join(f"{name}: {value}" for name, value in said.items()))  # noqa: T201  # it is what was found
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(said) + "\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("reliability")
    group.addoption("--seed", type=int, default=random.randrange(10_000), help="of all that a suite leaves to chance")  # noqa: S311  # chooses tests
    group.addoption("--results", type=Path, default=None, help="write what was found to this file, as JSON lines")
    group.addoption("--crash-points", type=int, default=3, help="calls at which each crash sweep kills; 0 is all")
    group.addoption("--fuzz-fields", type=int, default=40, help="bounds that a live pipeline is tried at; 0 is all")
    group.addoption("--full-faults", action="store_true", help="faults as long as in the field: minutes")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.getoption('--seed')}"


@pytest.fixture
def results(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Results:
    """Where a test says what it has found out."""
    return Results(request.config.getoption("--seed"), request.config.getoption("--results"), capsys)
