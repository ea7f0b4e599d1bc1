"""How the process is sparing with memory and with the time that tending it takes.

Thousands of pipelines are held as text and numbers, which never form cycles; what does is made in large batches while
lists are read, and dies young. So the young are collected more rarely than by default, which took a third of a start,
the old as often, since faults of neighbours are cycles; and what was imported is passed over. All threads share one
heap: each of a dozen would keep one of its own, mostly empty. What lists leave free in the midst of it is given back.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

_M_ARENA_MAX = -8
"""Of glibc's ``mallopt``."""
_YOUNG, _MIDDLE, _OLD = 5_000, 5, 5
"""Allocations, and collections of the younger, after which each generation is collected: 700, 10 and 10 by default."""
_GIVE_BACK_S = 30.0

_libc = ctypes.CDLL(None)


def be_thrifty() -> None:
    """For the rest of the process; call it once all is imported, and before there are many threads."""
    if hasattr(_libc, "mallopt"):  # other libraries have one heap anyway
        _libc.mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


async def give_back() -> None:
    """Give free memory back from time to time, until cancelled: by itself glibc does so at the heap's end alone."""
    while hasattr(_libc, "malloc_trim"):
        await asyncio.sleep(_GIVE_BACK_S)
        await asyncio.to_thread(_libc.malloc_trim, 0)
