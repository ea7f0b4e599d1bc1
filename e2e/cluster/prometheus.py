"""The Prometheus operator's CustomResourceDefinitions, as it publishes them: what our monitors and rules must fit.

They come from its Go module, by the checksum below, and are kept in the cache beside the programs (``binaries``), so
that a test of a cluster needs no network.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import yaml
from e2e.cluster.binaries import CACHE, MissingProgramError, go, keep

from mmpipe_operator.kinds import Manifest

MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
CHECKSUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
KINDS = ("servicemonitors", "podmonitors", "prometheusrules")

_HOME = CACHE / f"prometheus-operator-{VERSION}"


def definitions() -> list[Manifest]:
    """One for each of KINDS. Raises MissingProgramError where they aren't kept and the module can't be had."""
    paths = (fetch() / _file(kind) for kind in KINDS)
    return [yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader) for path in paths]


def fetch() -> Path:
    """The folder that has them; fetched unless they are there. Raises MissingProgramError as above."""
    keep(_HOME, _copy)
    return _HOME


def _copy(folder: Path) -> None:
    published = _module() / "example" / "prometheus-operator-crd"
    for kind in KINDS:
        shutil.copyfile(published / _file(kind), folder / _file(kind))


def _file(kind: str) -> str:
    return f"monitoring.coreos.com_{kind}.yaml"


def _module() -> Path:
    command = [str(go()), "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    # Outside any module, so that no go.mod is changed by asking.
    ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout) if ended.stdout else {"Error": ended.stderr}
    if told.get("Sum") != CHECKSUM:
        found = told.get("Error") or told.get("Sum")
        raise MissingProgramError(f"{MODULE}@{VERSION}: found {found}, expected checksum {CHECKSUM}")
    return Path(told["Dir"])
