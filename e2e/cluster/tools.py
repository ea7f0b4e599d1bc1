"""kubectl and helm as a user would type them, against one cluster."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries


class ToolError(AssertionError):
    """A command that failed where it should not have: its words and what it said."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One program with the cluster's kubeconfig; call it with the words of the command line."""

    name: str
    kubeconfig: Path
    home: Path
    """Where it keeps its caches, so that it leaves nothing in the user's."""

    def __call__(self, *words: object, stdin: str = "", timeout_s: float = 120.0) -> str:
        """What it printed. Raises ToolError where it failed."""
        ended = self.run(*words, stdin=stdin, timeout_s=timeout_s)
        if ended.returncode:
            line = " ".join(map(str, words))
            raise ToolError(f"{self.name} {line}: ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def run(self, *words: object, stdin: str = "", timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """How it ended, whether well or not."""
        command = [str(binaries.program(self.name)), *map(str, words)]
        own = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home), "HELM_CACHE_HOME": str(self.home / "helm")}
        return subprocess.run(
            command, input=stdin, env=os.environ | own, capture_output=True, text=True, timeout=timeout_s, check=False
        )
