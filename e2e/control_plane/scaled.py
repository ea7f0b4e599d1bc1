"""Words in which the tests here speak of autoscaling: a pipeline, its queue in a real NATS, and what its HPAs do.

The HorizontalPodAutoscaler controller is Kubernetes' own, and so is the aggregation layer by which it asks the metrics
adapter; only the pipeline's pods are played. Neighbours: ``pipelines`` and ``releases`` have the words for those.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.cluster.backlog import Backlog
from e2e.cluster.client import ApiError
from e2e.cluster.fixtures import discard
from e2e.cluster.pod_metrics import PodMetrics
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline, Stores
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, Values, operator_image, succeeded

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, POD, Manifest
from mmpipe_operator.scaling.api_service import OWN

PERIOD_S = 2.0
"""Of the HPA controller of our own control plane (15 s in a cluster that nobody has set it for)."""
WAIT_S = 60.0
QUIET_S = 5 * PERIOD_S
"""Long enough for the controller to have acted several times, if it were to act."""


@dataclass(frozen=True, slots=True)
class Autoscaled:
    """One pipeline of a test."""

    pipeline: Pipeline
    backlog: Backlog

    def apply(self, modalities: tuple[str, ...] = ("image",), **scaling: object) -> Autoscaled:
        """Applied with one worker for each ten samples, and no calm to wait for before fewer are enough."""
        wanted = {"mode": "HPA", "maxReplicas": 4, "targetQueueDepth": 10, "scaleDownStabilizationSeconds": 0}
        placed = self.pipeline.document()["spec"]["worker"]
        self.pipeline.apply(modalities=[{"name": each, **placed} for each in modalities], scaling=wanted | scaling)
        return self

    def replicas(self, process: str = "image") -> int:
        """How many its Deployment is to have; -1 where there is none yet."""
        return int(self._deployment(process).get("spec", {}).get("replicas", -1))

    def reaches(self, replicas: int, *processes: str, within_s: float = WAIT_S) -> None:
        """Wait until each process is to have so many, and has so many that are ready."""
        for process in processes or ("image", "worker"):
            wait_for(lambda: self._has(process, replicas), within_s, lambda: self.told(process))  # noqa: B023  # called in this turn only

    def stays(self, replicas: int, *processes: str, for_s: float = QUIET_S) -> None:
        """See that nobody changes how many there are."""
        until = time.monotonic() + for_s
        while time.monotonic() < until:
            found = {process: self.replicas(process) for process in processes or ("image", "worker")}
            assert set(found.values()) == {replicas}, f"found {found}, expected {replicas} of each to stay"
            time.sleep(PERIOD_S / 10)

    def autoscaler(self, process: str = "image") -> Manifest:
        found = self.pipeline.cluster.client.find(AUTOSCALER, self.pipeline.namespace, self._name(process))
        return found or {}

    def scaler_says(self, condition: str, process: str = "image") -> tuple[str, str]:
        """Status and reason of a condition of an autoscaler."""
        conditions = self.autoscaler(process).get("status", {}).get("conditions") or []
        found: Manifest = next((each for each in conditions if each["type"] == condition), {})
        return str(found.get("status", "")), str(found.get("reason", ""))

    def told(self, process: str = "image") -> str:
        """For the message of a test that waits in vain."""
        status = self.autoscaler(process).get("status")
        found = f"{process}: {self.replicas(process)} replicas; its autoscaler says {status}"
        return f"{found}; the pipeline says {self.pipeline.get().get('status')}"

    def set_by_hand(self, replicas: int, process: str = "image") -> None:
        """As ``kubectl scale`` does it."""
        kubectl = self.pipeline.cluster.tool("kubectl")
        where = ("--namespace", self.pipeline.namespace)
        kubectl("scale", f"deployment/{self._name(process)}", f"--replicas={replicas}", *where)

    def _has(self, process: str, replicas: int) -> bool:
        status = self._deployment(process).get("status", {})
        return self.replicas(process) == replicas == int(status.get("readyReplicas", 0))

    def _deployment(self, process: str) -> Manifest:
        return self.pipeline.cluster.client.find(DEPLOYMENT, self.pipeline.namespace, self._name(process)) or {}

    def _name(self, process: str) -> str:
        return names.child(self.pipeline.name, process)


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """A release with its metrics adapter, and the namespace of the pipelines that it keeps."""

    release: Release
    namespace: str
    pods: PodMetrics

    @property
    def cluster(self) -> Cluster:
        return self.release.cluster

    def pipeline(self, name: str, nats: str) -> Autoscaled:
        """Not applied yet."""
        pipeline = Pipeline(self.cluster, self.namespace, name, Stores(nats))
        return Autoscaled(pipeline, Backlog(nats, self.namespace, name))

    def adapters(self) -> list[Manifest]:
        """Pods of the metrics adapter."""
        selector = f"app.kubernetes.io/name=mmpipe-metrics-adapter,app.kubernetes.io/instance={self.release.name}"
        return self.cluster.client.list(POD, self.release.namespace, labelSelector=selector)

    def run_adapters(self, replicas: int) -> None:
        """As ``kubectl scale`` does it."""
        found = f"{self.release.name}-metrics-adapter"
        self.cluster.client.patch(DEPLOYMENT, self.release.namespace, found, {"spec": {"replicas": replicas}})

    def available(self) -> bool:
        """Whether the API server has its metrics API."""
        found = self.cluster.client.find(OWN.kind, OWN.namespace, OWN.name) or {}
        conditions = found.get("status", {}).get("conditions") or []
        return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)

    def reading(self, pipeline: str, metric: str, selector: str = "") -> int | str:
        """What the API server answers whom it lets ask, or Kubernetes' reason why it does not."""
        path = f"/apis/{names.METRICS_API_VERSION}/namespaces/{self.namespace}/{names.PLURAL}.{names.GROUP}/{pipeline}"
        try:
            answer = self.cluster.client.call("GET", f"{path}/{metric}", metricLabelSelector=selector)
        except ApiError as error:
            return error.reason
        return int(answer["items"][0]["value"])


@contextmanager
def autoscaling(cluster: Cluster, values: Values | None = None) -> Iterator[Autoscaling]:
    """A release that keeps a namespace of its own, inside the block; its metrics API answers."""
    own, served = cluster.new_namespace("mmpipe-system"), cluster.new_namespace("scaled")
    cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    fixed = {"watchNamespaces": [served], "crds": {"enabled": False}}
    release = Release(cluster, own, values={**fixed, **(values or {})})
    try:
        succeeded(release.install())
        with PodMetrics().telling(cluster.client, served) as pods:
            found = Autoscaling(release, served, pods)
            wait_for(found.available)
            yield found
    finally:
        release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait")
        discard(cluster, served)
        discard(cluster, own)
