"""An operator as a process: started, asked whether it has seen everything, weighed, stopped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.children import Child
from e2e.cluster.operators import Operators

IMAGE = "mmpipe.test/services:1"
_START_S = 900.0
_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Contender:
    """One that runs. ``looked_at`` says how many pipelines it has handled since it started."""

    name: str
    child: Child
    user: str
    looked_at: Callable[[], float]

    def wait(self, pipelines: int) -> None:
        """Until it has handled all of them."""
        deadline = time.monotonic() + _START_S
        while self.looked_at() < pipelines:
            ended = self.child.exit_code is not None
            if ended or time.monotonic() > deadline:
                found = f"found {self.looked_at():.0f} of {pipelines} pipelines handled"
                raise TimeoutError(f"{self.name}: {found}, expected all; it said:\n{self.child.said()}")
            time.sleep(_PAUSE_S)

    def megabytes(self) -> tuple[float, float, float]:
        """Its resident memory now, its share of it (PSS), and the most it ever had."""
        rollup = _numbers(Path(f"/proc/{self.child.pid}/smaps_rollup"))
        peak = _numbers(Path(f"/proc/{self.child.pid}/status"))["VmHWM"]
        return rollup["Rss"], rollup["Pss"], peak

    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(operators: Operators, resync_s: float) -> Contender:
    """The operator as it is installed, but for how often it looks at everything again."""
    # On a busy machine nobody else wants the lease.
    replica = operators.start(resync_seconds=resync_s, lease_seconds=60, log_level="WARNING")
    return Contender(
        "mmpipe-operator",
        replica.child,
        operators.user,
        lambda: replica.metric("mmpipe_operator_reconciles_total"),
    )


def naive(kubeconfig: Path, folder: Path) -> Contender:
    """``bench.scale.naive``, signed in as an administrator."""
    seen = folder / f"naive-{time.monotonic_ns()}"
    seen.touch()
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "NAIVE_SEEN": str(seen)}
    child = Child([sys.executable, "-m", "bench.scale.naive", IMAGE], folder / "naive.log", environment)
    return Contender("naive kopf operator", child, "admin", lambda: float(seen.stat().st_size))


def _numbers(path: Path) -> dict[str, float]:
    """Megabytes (1,000,000 bytes) by name, of a file of ``/proc`` that counts in KiB."""
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if rest.strip().endswith("kB"):
            found[name] = int(rest.split()[0]) * 1024 / 1e6
    return found
