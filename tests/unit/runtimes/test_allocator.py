"""malloc keeps freed blocks, unless one opts out."""

import subprocess
import sys

_FAULTS = """
import resource
from mmpipe.runtimes.allocator import keep_freed_memory
kept = keep_freed_memory()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def touch(): bytearray(b"x") * 40_000_000
touch()
before = faults()
for _ in range(5): touch()
print(kept, faults() - before)
"""


def faults(**environment: str) -> tuple[str, int]:
    done = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True, env=environment)
    kept, count = done.stdout.split()
    return kept, int(count)


def test_a_block_that_was_used_costs_no_page_faults_again() -> None:
    kept, count = faults()
    assert kept == "True"
    assert count < 200


def test_one_can_opt_out() -> None:
    kept, count = faults(MMPIPE_MALLOC="default")
    assert kept == "False"
    assert count > 1_000
