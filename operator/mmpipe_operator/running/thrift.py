"""How the process is sparing with memory and with the time that tending it takes.

Thousands of pipelines are held as text and numbers, which never form cycles; what does is made in large batches while
lists are read, and dies young. So the young are collected more rarely than by default, which took a third of a start,
the old as often, since faults of neighbours are cycles; and what was imported is passed over. All threads share one
heap: each of a dozen would keep one of its own, mostly empty.
"""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8
"""Of glibc's ``mallopt``."""
_YOUNG, _MIDDLE, _OLD = 5_000, 5, 5
"""Allocations, and collections of the younger, after which each generation is collected: 700, 10 and 10 by default."""


def be_thrifty() -> None:
    """For the rest of the process; call it once all is imported, and before there are many threads."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # other libraries have one heap anyway
        libc.mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
