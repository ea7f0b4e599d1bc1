"""Memory over many small samples: the peak after 100,000 against the peak after 10,000, each in its own process.

VmHWM is the peak of that process alone; ``ru_maxrss`` would start from that of the process that started it.
"""

from __future__ import annotations

import subprocess
import sys

from bench.measuring import Row

_STREAM = """
import sys
from mmpipe import Pipeline
count = int(sys.argv[1])
samples = ({"id": str(n), "text": f"a red bell number {n}"} for n in range(count))
assert sum(1 for _ in Pipeline(modalities=["text"]).process(samples)) == count
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def rows() -> list[Row]:
    """Growth as a ratio of peaks; 1 is flat."""
    few_mib, many_mib = (_peak_mib(count) for count in (10_000, 100_000))
    name = "peak memory, 100,000 samples to 10,000"
    return [Row(name, f"{many_mib:.0f} MiB", f"{few_mib:.0f} MiB", many_mib / few_mib, 1.05, at_least=False)]


def _peak_mib(count: int) -> float:
    command = [sys.executable, "-c", _STREAM, str(count)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024  # noqa: S603  # our own
