from __future__ import annotations

import subprocess
import sys

_SAYS = """
import gc, threading
from mmpipe_operator.running.thrift import be_thrifty
be_thrifty()
assert gc.get_freeze_count() > 0 and gc.isenabled()
kept = []
for _ in range(100_000):
    cycle = []; cycle.append(cycle)
print(len(gc.get_objects()))
"""


def test_what_was_imported_is_passed_over_and_what_nobody_can_reach_still_goes() -> None:
    said = subprocess.run([sys.executable, "-c", _SAYS], capture_output=True, text=True, check=True, timeout=60).stdout
    assert int(said) < 10_000
