"""Words in which the tests here speak of the custom metrics API: its APIService, and the pods behind it."""

from __future__ import annotations

from typing import Any

from e2e.cluster.client import NAMESPACE
from e2e.cluster.session import Cluster
from e2e.control_plane.releases import Release

from mmpipe_operator.kinds import API_SERVICE, POD, Manifest
from mmpipe_operator.scaling.api_service import OWN, Backend, api_service, available

ADAPTER = "mmpipe-metrics-adapter"
ROOT = "/apis/custom.metrics.k8s.io/v1beta2"
SELECTOR = f"app.kubernetes.io/name={ADAPTER}"


def served(cluster: Cluster) -> Manifest | None:
    """The APIService, once the API server gets answers for it."""
    found = cluster.client.find(API_SERVICE, "", OWN.name)
    return found if found and available(found) else None


def holdup(cluster: Cluster, namespace: str) -> str:
    """Why a namespace that is being deleted is still there: its conditions that are true."""
    found = cluster.client.find(NAMESPACE, "", namespace) or {}
    conditions = found.get("status", {}).get("conditions") or ()
    return ", ".join(f"{each['type']}: {each['message']}" for each in conditions if each["status"] == "True")


def foreign(version: str) -> Manifest:
    """An APIService that somebody else's adapter registers."""
    made: dict[str, Any] = api_service(Backend("monitoring", "their-adapter"), b"")
    spec = {key: value for key, value in made["spec"].items() if key != "caBundle"}
    name = f"{version}.{spec['group']}"
    return made | {"metadata": {"name": name}, "spec": spec | {"version": version, "insecureSkipTLSVerify": True}}


def pods_of(release: Release, selector: str) -> list[Manifest]:
    """But for those that are being stopped."""
    pods = release.cluster.client.list(POD, release.namespace, labelSelector=selector)
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def said(release: Release, pod: Manifest) -> str:
    """What a pod has said so far."""
    return release.cluster.kubelet.log(release.namespace, pod["metadata"]["name"])
