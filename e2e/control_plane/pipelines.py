"""Words in which the tests here speak of pipelines: given one, when something happens, then this holds.

Its neighbours are addresses at which nobody listens, unless a test gives others: what is tested is Kubernetes' side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from e2e.cluster.client import ApiError
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for

from mmpipe_operator import names
from mmpipe_operator.kinds import CHILDREN, DEPLOYMENT, OPTIONAL, PIPELINE, POD, Kind, Manifest, Ref

OWNED = tuple(kind for kind in CHILDREN if kind not in OPTIONAL)
"""Kinds that every pipeline has objects of."""
NOBODY = "127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a pipeline's queue and Milvus are."""

    nats: str = f"nats://{NOBODY}"
    milvus: str = f"http://{NOBODY}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One object of a test; what is asked of it is asked of the API server, every time."""

    cluster: Cluster
    namespace: str
    name: str
    stores: Stores = field(default_factory=Stores)

    @property
    def ref(self) -> tuple[Kind, str, str]:
        return PIPELINE, self.namespace, self.name

    def document(self, **spec: object) -> Manifest:
        """The object as a user would write it; ``spec`` overrides whole sections."""
        placed = {"template": self.cluster.kubelet.placement} if self.cluster.kubelet.placement else {}
        sections = {
            "modalities": [{"name": "image", **placed}],
            "gateway": placed,
            "worker": placed,
            "fusion": placed,
            "source": {"queue": {"nats": {"url": self.stores.nats}}},
            "sink": {
                "milvus": {"uri": self.stores.milvus},
                "objects": {"uri": "s3://media"},
                "metadata": {"uri": "postgresql://db/media"},
            },
        }
        metadata = {"name": self.name, "namespace": self.namespace}
        head = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata}
        return {**head, "spec": sections | spec}

    def apply(self, **spec: object) -> Pipeline:
        """As ``kubectl apply --server-side`` does it."""
        self.cluster.client.apply(PIPELINE, self.document(**spec), "user")
        return self

    def annotate(self, **annotations: str | None) -> None:
        """``mmpipe.dev/NAME``, with underscores as hyphens; None takes one away."""
        named = {f"mmpipe.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
        self.cluster.client.patch(*self.ref, {"metadata": {"annotations": named}})

    def delete(self) -> None:
        self.cluster.client.delete(*self.ref)

    def get(self) -> Manifest:
        return self.cluster.client.get(*self.ref)

    @property
    def exists(self) -> bool:
        return self.cluster.client.find(*self.ref) is not None

    @property
    def status(self) -> Manifest:
        status: Manifest = self.get().get("status", {})
        return status

    def condition(self, name: str) -> Manifest:
        """One condition of its present generation; empty where there is none yet."""
        found = self.get()
        generation = found["metadata"]["generation"]
        conditions = found.get("status", {}).get("conditions", ())
        current = [each for each in conditions if each.get("observedGeneration") == generation]
        return next((each for each in current if each["type"] == name), {})

    def wait(self, name: str, status: str = "True", reason: str = "", timeout_s: float = 30) -> Manifest:
        """Wait for a condition; returns it."""

        def holds() -> Manifest:
            found = self.condition(name)
            agrees = found.get("status") == status and reason in ("", found.get("reason"))
            assert agrees, f"{name} is {found or 'absent'}, expected {status} {reason}"
            return found

        return wait_for(holds, timeout_s, lambda: f"status: {self.status}")

    def children(self, kinds: Iterable[Kind] = OWNED) -> dict[Ref, Manifest]:
        """What there is with its label."""
        selector = f"{names.PIPELINE_LABEL}={self.name}"
        return {
            Ref(kind, self.namespace, each["metadata"]["name"]): each
            for kind in kinds
            for each in self.cluster.client.list(kind, self.namespace, labelSelector=selector)
        }

    def deployment(self, process: str = "image") -> Manifest:
        return self.cluster.client.get(DEPLOYMENT, self.namespace, names.child(self.name, process))

    def template(self, process: str = "image") -> Manifest:
        """Metadata and spec of a process's pods."""
        template: Manifest = self.deployment(process)["spec"]["template"]
        return template

    def pods(self, process: str = "") -> list[Manifest]:
        labels = names.selector(self.name, process)
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        return self.cluster.client.list(POD, self.namespace, labelSelector=selector)

    def events(self) -> list[Manifest]:
        """What was said of it, oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        found: list[Manifest] = self.cluster.client.call("GET", path)["items"]
        own = [each for each in found if each["regarding"].get("name") == self.name]
        return sorted(own, key=lambda each: each["eventTime"] or "")

    def settle(self, timeout_s: float = 30) -> Pipeline:
        """Wait until every process has a ready pod of the newest template, whatever the neighbours say."""
        self.wait("StagesAvailable", timeout_s=timeout_s)
        wait_for(lambda: self._rolled_out, timeout_s, lambda: f"status: {self.status}")
        return self

    @property
    def _rolled_out(self) -> bool:
        progress = self.condition("Reconciling")
        return progress.get("status") == "False" or progress.get("reason") == "AwaitingNeighbours"


def uids(objects: dict[Ref, Manifest]) -> dict[Ref, str]:
    return {ref: each["metadata"]["uid"] for ref, each in objects.items()}


def refused(call: Any, *arguments: Any) -> ApiError:  # noqa: ANN401  # any method of the client
    """The refusal that a call must meet."""
    try:
        call(*arguments)
    except ApiError as error:
        return error
    raise AssertionError(f"{arguments}: found it accepted, expected a refusal")
