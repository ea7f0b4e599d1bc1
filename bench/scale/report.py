"""The table of what was measured, and the words that say what it is."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable

import tables
from bench.scale.measuring import Measured

_HEAD = (
    "Pipelines",
    "Operator",
    "All handled",
    "of it, processor",
    "RSS (PSS), MB",
    "Peak, MB",
    "Edit to applied, p50",
    "p99",
    "API calls (writes) by edit",
    "Writes at start",
    "Writes, idle",
)


def report(found: Iterable[Measured]) -> str:
    """In Markdown."""
    return tables.table(_HEAD, [_row(each) for each in found])


def explain() -> str:
    """Where it was measured."""
    cores, python = len(os.sched_getaffinity(0)), platform.python_version()
    where = f"{platform.machine()}, {cores} cores shared with etcd and the API server, Python {python}"
    return f"{where}; 1 MB is 1,000,000 bytes."


def _row(each: Measured) -> list[str]:
    return [
        f"{each.pipelines:,}",
        each.contender,
        f"{each.start_s:.1f} s",
        f"{each.start_cpu_s:.1f} s",
        f"{each.rss_mb:.0f} ({each.pss_mb:.0f})",
        f"{each.peak_mb:.0f}",
        f"{each.p50_s * 1000:.0f} ms",
        f"{each.p99_s * 1000:.0f} ms",
        f"{each.calls:.1f} ({each.writes:.1f})",
        str(each.start_writes),
        f"{each.idle_writes} in {each.idle_looks:,} looks",
    ]
