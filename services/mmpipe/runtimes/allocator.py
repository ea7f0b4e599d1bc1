"""glibc's malloc, told to keep what it gets: the first thing every entry point does (DESIGN 8).

By default glibc asks the kernel for every block over 128 KiB and hands it back at once. A decoded picture is such a
block, and each one costs a page fault for every 4 KiB. With these three settings freed blocks are used again; the price
is that memory once used is not returned before the process ends.
"""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
"""malloc.h. The thresholds belong together: raising only the last makes it worse."""

OPT_OUT = "MMPIPE_MALLOC"
"""Environment variable: ``default`` leaves malloc as it is."""


def keep_freed_memory() -> bool:
    """Set malloc up for blocks of pictures and sounds. False where there is no glibc, or the environment opts out."""
    if os.environ.get(OPT_OUT) == "default":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 1 << 26))
    return all(mallopt(option, value) == 1 for option, value in settings)
