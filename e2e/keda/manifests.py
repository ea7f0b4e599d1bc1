"""KEDA's own manifests, from its Go module: the kinds, rights and registrations that its release installs.

Its Deployments are left out, as its programs run without pods (``installation``), and its Services have no selector.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from e2e.cluster.binaries import HERE, KEDA, MissingProgramError, go, program

from mmpipe_operator.kinds import Manifest

NAMESPACE = "keda"


def crds() -> list[Manifest]:
    """The CustomResourceDefinitions."""
    return [each for each in _kustomized("crd") if each["kind"] == "CustomResourceDefinition"]


def everything_else() -> list[Manifest]:
    """Namespace, rights, Services without selectors, the APIService and the webhooks' registration."""
    found = [each for each in _kustomized("default") if each["kind"] not in {"CustomResourceDefinition", "Deployment"}]
    for each in found:
        if each["kind"] == "Service":
            each["spec"].pop("selector")
    return found


def contract() -> str:
    """The proto that external scalers serve."""
    return (_module() / "pkg" / "scalers" / "externalscaler" / "externalscaler.proto").read_text(encoding="utf-8")


def _kustomized(folder: str) -> list[Manifest]:
    command = [str(program("kubectl")), "kustomize", str(_module() / "config" / folder)]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(yaml.load_all(rendered, yaml.CSafeLoader))


def _module() -> Path:
    """Where Go has the module, which it downloads where it has not: its checksum is in our go.sum."""
    command = [str(go()), "mod", "download", "-json", "github.com/kedacore/keda/v2"]
    ended = subprocess.run(command, cwd=HERE / KEDA.folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise MissingProgramError(f"github.com/kedacore/keda/v2: found {ended.stderr or ended.stdout}, expected it")
    return Path(json.loads(ended.stdout)["Dir"])
