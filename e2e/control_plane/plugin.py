"""``kubectl mmpipe`` as a user types it: the real kubectl finds the plugin on its PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.session import Cluster

type Plugin = Callable[..., subprocess.CompletedProcess[str]]


def plugin_in(cluster: Cluster, namespace: str) -> Plugin:
    """In a namespace; ``access`` is the kubeconfig of another user."""
    programs = (str(binaries.program("kubectl").parent), str(Path(sys.executable).parent))

    def run(*words: object, access: Path = cluster.kubeconfig) -> subprocess.CompletedProcess[str]:
        own = {"KUBECONFIG": str(access), "HOME": str(cluster.folder), "PATH": os.pathsep.join(programs)}
        command = ["kubectl", "mmpipe", *map(str, words), "-n", namespace]
        return subprocess.run(
            command, env=os.environ | own, capture_output=True, text=True, timeout=120, check=False, cwd=cluster.folder
        )

    return run
