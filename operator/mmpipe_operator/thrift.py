"""How the process is sparing with memory and with the time that tending it takes.

Thousands of pipelines are held as text and numbers, which never form cycles; what does is made in large batches while
lists are read, and dies young. So collections are rarer than by default, and pass over what was imported. And all
threads share one heap: each of a dozen would keep one of its own, mostly empty.
"""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8
"""Of glibc's ``mallopt``."""
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20
"""Allocations, and collections of the younger, after which each generation is collected."""


def be_thrifty() -> None:
    """For the rest of the process; call it once all is imported, and before threads are started."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # other libraries have one heap anyway
        libc.mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def give_back() -> None:
    """Return to the machine what a burst, such as the lists of a start, has left free."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
