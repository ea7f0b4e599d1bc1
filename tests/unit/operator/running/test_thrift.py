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


_GIVES_BACK = """
import asyncio
from pathlib import Path
from mmpipe_operator.running import thrift

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 1_000_000

async def main():
    thrift._GIVE_BACK_S = 0.01
    thrift.be_thrifty()
    held = [bytes(100_000) for _ in range(1_000)]
    del held[:-1]  # the last one holds the heap
    before = resident()
    giving = asyncio.create_task(thrift.give_back())
    await asyncio.sleep(0.5)
    giving.cancel()
    print(before - resident())

asyncio.run(main())
"""


def test_what_is_free_in_the_midst_of_the_heap_is_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", _GIVES_BACK], capture_output=True, text=True, check=True, timeout=60)
    assert int(said.stdout) > 50  # MB of the 100
