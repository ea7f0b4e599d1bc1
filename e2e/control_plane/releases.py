"""Words in which the tests here speak of the chart: what a set of values renders, and a release in a cluster."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from e2e.cluster import binaries
from e2e.cluster.containers import Image
from e2e.cluster.session import Cluster

from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import POD, Manifest

CHART = Path(__file__).parents[2] / "charts" / "mmpipe"
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
OPERATOR_IMAGE = f"mmpipe-operator:{VERSION}"
SYSTEM = "mmpipe-system"
_WAIT = ("--wait", "--timeout", "100s")
"""Of two timeouts Helm takes the last."""

type Values = Mapping[str, Any]


class RenderError(AssertionError):
    """What Helm says of values that it does not take."""


def render(values: Values | None = None, name: str = "mmpipe", namespace: str = SYSTEM) -> list[Manifest]:
    """Every object of the chart under these values, hooks included, in the order in which Helm prints them.

    Raises RenderError where the schema or a template refuses them.
    """
    return [each for each in yaml.load_all(rendered(values, name, namespace), yaml.CSafeLoader) if each]


def rendered(values: Values | None = None, name: str = "mmpipe", namespace: str = SYSTEM) -> str:
    """The same as text."""
    command = [str(binaries.program("helm")), "template", name, str(CHART), "--namespace", namespace, "--values", "-"]
    given = yaml.safe_dump(dict(values or {}))
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RenderError(ended.stderr)
    return ended.stdout


def operator_image() -> Image:
    """The operator of this checkout in place of its image; each replica listens at an address of its own."""
    everywhere = "0.0.0.0"  # noqa: S104  # the kubelet turns it into the pod's
    hosts = {"MMPIPE_OPERATOR_HOST": everywhere, "MMPIPE_ADAPTER_HOST": everywhere}
    return Image(programs=Path(sys.executable).parent, environment=hosts)


@dataclass(frozen=True, slots=True)
class Release:
    """One release in one cluster. ``values`` stand below those of each command."""

    cluster: Cluster
    namespace: str
    name: str = "mmpipe"
    chart: Path = field(default=CHART)
    values: Values = field(default_factory=dict)

    def install(self, values: Values | None = None, *options: str) -> subprocess.CompletedProcess[str]:
        """``helm install --wait``; how it ended."""
        return self._run("install", self.name, self.chart, *_WAIT, *options, values=values or {})

    def upgrade(self, values: Values | None = None, *options: str) -> subprocess.CompletedProcess[str]:
        """``helm upgrade --wait``; how it ended."""
        return self._run("upgrade", self.name, self.chart, *_WAIT, *options, values=values or {})

    def do(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Another command on the release; how it ended."""
        return self._run(verb, self.name, *options)

    def pods(self) -> list[Manifest]:
        """Of the operator, but for those that are being stopped."""
        selector = f"app.kubernetes.io/name=mmpipe-operator,app.kubernetes.io/instance={self.name}"
        pods = self.cluster.client.list(POD, self.namespace, labelSelector=selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def leader(self) -> str:
        """The name of the pod that leads; empty where none does."""
        lease = self.cluster.client.get(LEASE, self.namespace, "mmpipe-operator")
        return str(lease.get("spec", {}).get("holderIdentity", ""))

    def _run(self, *words: object, values: Values | None = None) -> subprocess.CompletedProcess[str]:
        """``values`` is None for a command that takes none."""
        given = [] if values is None else ["--values", "-"]
        text = "" if values is None else yaml.safe_dump({**self.cluster.kubelet.placement, **self.values, **values})
        helm = self.cluster.tool("helm")
        return helm.run(*words, "--namespace", self.namespace, *given, stdin=text)


def succeeded(ended: subprocess.CompletedProcess[str]) -> str:
    """What a command printed that must have ended well."""
    assert ended.returncode == 0, f"helm ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def names_of(objects: list[Manifest]) -> set[str]:
    return {each["metadata"]["name"] for each in objects}


_BY_ITSELF = ("events", "events.events.k8s.io", "endpointslices.discovery.k8s.io")


def everything(cluster: Cluster) -> set[str]:
    """Every object of the cluster as ``Kind/namespace/name``, but for what comes and goes by itself."""
    kubectl = cluster.tool("kubectl")
    resources = kubectl("api-resources", "--verbs=list", "--output=name").split()
    asked = ",".join(each for each in resources if each not in _BY_ITSELF)
    form = 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
    found = kubectl("get", asked, "--all-namespaces", f"--output={form}").split()
    return {
        each for each in found if not (each.startswith("IPAddress/") or "/kube-" in each or each.endswith("/default"))
    }
