"""What one waits for: ``mmpipe --help``, and the first embedding of a new process. Seconds, medians of five."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.measuring import Row

_FIRST = """
from mmpipe import Pipeline
(result,) = Pipeline(modalities=["text"]).process([{"text": "a red bell"}])
assert result.vector is not None
"""


def rows() -> list[Row]:
    """Both waits, with their limits."""
    help_s = _median_s([str(Path(sys.executable).with_name("mmpipe")), "--help"])
    first_s = _median_s([sys.executable, "-c", _FIRST])
    return [
        Row("mmpipe --help, seconds", f"{help_s:.2f} s", "", help_s, 0.3, at_least=False),
        Row("first embedding after process start, seconds", f"{first_s:.2f} s", "", first_s, 1.5, at_least=False),
    ]


def _median_s(command: list[str], repeats: int = 5) -> float:
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own commands
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])
