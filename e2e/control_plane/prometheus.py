"""The Prometheus operator's CustomResourceDefinitions, as it publishes them: what our monitors and rules must fit.

They come from its Go module, by the checksum below, and stay in Go's module cache.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from e2e.cluster.binaries import MissingProgramError, go

from mmpipe_operator.kinds import Manifest

MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
CHECKSUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
KINDS = ("servicemonitors", "podmonitors", "prometheusrules")


def definitions() -> list[Manifest]:
    """One for each of KINDS. Raises MissingProgramError where the module can't be had."""
    folder = _module() / "example" / "prometheus-operator-crd"
    paths = (folder / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS)
    return [yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader) for path in paths]


def _module() -> Path:
    command = [str(go()), "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    # Outside any module, so that no go.mod is changed by asking.
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout) if ended.stdout else {"Error": ended.stderr}
    if told.get("Sum") != CHECKSUM:
        found = told.get("Error") or told.get("Sum")
        raise MissingProgramError(f"{MODULE}@{VERSION}: found {found}, expected checksum {CHECKSUM}")
    return Path(told["Dir"])
