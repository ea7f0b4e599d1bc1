"""``make bench``: every benchmark in one run, as a table of ratios. Ends with 1 where a goal is missed."""

from __future__ import annotations

import os
import platform
import sys

# One thread in every library: parallelism is ours to count.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from bench import decode, memory, startup, storing  # noqa: E402  # after the environment is set
from mmpipe.runtimes.allocator import keep_freed_memory  # noqa: E402


def main() -> int:
    """Print the table; how many goals were missed decides the exit code."""
    keep_freed_memory()
    cores, python = len(os.sched_getaffinity(0)), platform.python_version()
    print(f"{platform.machine()}, {cores} cores, Python {python}, load {os.getloadavg()[0]:.1f} at the start\n")
    print("| measured | ours | held against | value | goal | |\n|---|---|---|---|---|---|")
    missed = 0
    # The largest pictures come last: what they leave in the heap would slow down the others.
    for benchmark in (storing, startup, memory, decode):
        for row in benchmark.rows():
            print(row, flush=True)
            missed += not row.met
    return 1 if missed else 0


sys.exit(main())
