"""What a process gets: memory, CPU, disk and threads.

A template's resources come before the defaults; a resource that it names is its alone, since a request above our limit
would be refused.
"""

from __future__ import annotations

import math

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan.merging import overrides
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part

_DEFAULTS = {
    GATEWAY: ("250m", "256Mi", "1Gi"),
    WORKER: ("250m", "512Mi", "2Gi"),
    FUSE: ("100m", "256Mi", "1Gi"),
    "text": ("250m", "512Mi", "2Gi"),
    "image": ("500m", "512Mi", "2Gi"),
    "audio": ("500m", "512Mi", "2Gi"),
    "video": ("1", "1Gi", "4Gi"),
    "depth": ("500m", "512Mi", "2Gi"),
}
"""CPU and memory requested, and the limit of memory. CPU has no limit: throttling would only make batches late."""
_DISK = {"requests": "1Gi", "limits": "24Gi"}
"""The largest medium has 16 GiB by default (``source.references.maxBytes``); see the volumes' sizes in ``pod``."""
_FEWEST_THREADS = 2
"""So that one pod goes on while one item is slow, and a quiet node is used beyond what was requested."""
_SUFFIXES = {"m": 1e-3, "k": 1e3}


def resources(part: Part) -> Manifest:
    """Requests and limits of the container."""
    cpu, memory, most = _DEFAULTS[part.process.modality or part.process.name]
    ours = {
        "requests": {"cpu": cpu, "memory": memory, "ephemeral-storage": _DISK["requests"]},
        "limits": {"memory": most, "ephemeral-storage": _DISK["limits"]},
    }
    theirs = overrides(part.process.template).get("resources", {})
    named = {resource for amounts in theirs.values() for resource in amounts}
    joined = {
        kind: {name: amount for name, amount in amounts.items() if name not in named} | theirs.get(kind, {})
        for kind, amounts in ours.items()
    }
    return {kind: amounts for kind, amounts in joined.items() if amounts}


def threads(part: Part) -> int:
    """Threads of a stage server: of its own CPUs, not of the node's, since each one holds a batch in memory."""
    amounts = resources(part)
    given = amounts.get("limits", {}).get("cpu") or amounts.get("requests", {}).get("cpu", "0")
    return max(_FEWEST_THREADS, math.ceil(_cpus(given)))


def _cpus(amount: str) -> float:
    """A quantity as the spec allows it, such as ``500m``; what is no sensible number of CPUs counts as none."""
    try:
        return float(amount.rstrip("mk")) * _SUFFIXES.get(amount[-1], 1.0)
    except ValueError:
        return 0.0
