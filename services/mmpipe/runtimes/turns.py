"""How long a thread may hold the interpreter while another one waits for it.

C kernels give the interpreter up and want it back thousands of times a second. At Python's own 5 ms they wait for each
other: a run with short turns takes 5 % less time (``bench/storing.py``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.001


@contextmanager
def short_turns() -> Iterator[None]:
    """Threads of this process take turns every :data:`TURN_S`; afterwards as before."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
