"""Plays the nodes: nodes that are Ready, pods that run or fail as a test says, deletions that end.

The real scheduler binds pods to its nodes. A pod whose image is among ``programs`` really runs, as processes of this
machine (``containers``) that listen at the pod's address; any other becomes what the newest matching rule says, and
Ready without one. Neighbours: ``pod_status`` has what is said of a pod, ``addresses`` where it is. On a cluster that is
not ours its nodes have a taint, where ``placement`` lets a pod in.
"""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from e2e.cluster.addresses import Addresses
from e2e.cluster.client import NODE, UNREACHABLE, ApiError, Client
from e2e.cluster.containers import Image, RunningPod
from e2e.cluster.pod_status import HOST_IP, Behaviour, ContainerState, imagined, status
from e2e.cluster.watching import Watch

from mmpipe_operator.cluster.lease import LEASE
from mmpipe_operator.kinds import POD, Manifest

NODE_LABEL = "mmpipe.dev/e2e"
_NODES = 2
_WORKERS = 4
_AGAIN_S = 1.0
_HEARTBEAT_S = 10.0
_CAPACITY = {"cpu": "100k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "100k"}

type Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a namespace's pods whose image matches a pattern."""

    namespace: str
    image: str
    behaviour: Behaviour

    def matches(self, pod: Manifest) -> bool:
        images = [container["image"] for container in pod["spec"]["containers"]]
        here = self.namespace == pod["metadata"]["namespace"]
        return here and any(fnmatchcase(image, self.image) for image in images)


class Kubelet:
    """Nodes of one cluster; ``folder`` keeps volumes and logs of real pods."""

    def __init__(self, client: Client, folder: Path, session: str, addresses: Addresses, *, tainted: bool) -> None:
        self.programs: dict[str, Image] = {}
        self._client = client
        self.addresses = addresses
        self._folder = folder
        self._session = session
        self._tainted = tainted
        self._rules: list[Rule] = []
        self._pods: dict[Key, Manifest] = {}
        self._running: dict[str, RunningPod] = {}
        self._queue: queue.SimpleQueue[Key | None] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._over = threading.Event()

    @property
    def placement(self) -> dict[str, Any]:
        """What a pod template needs to come to these nodes and no others; nothing on a cluster of our own."""
        if not self._tainted:
            return {}
        toleration = {"key": NODE_LABEL, "operator": "Equal", "value": self._session, "effect": "NoSchedule"}
        return {"nodeSelector": {NODE_LABEL: self._session}, "tolerations": [toleration]}

    def treat(self, namespace: str, behaviour: Behaviour, image: str = "*") -> None:
        """From now on, a namespace's pods of these images behave so, those that are there too."""
        with self._turn:
            self._rules.insert(0, Rule(namespace, image, behaviour))
        self._look_at(key for key in list(self._pods) if key[0] == namespace)

    def run(self, name: str, image: Image) -> None:
        """From now on, new pods of an image are processes of this machine."""
        self.programs[name] = image

    def log(self, namespace: str, pod: str) -> str:
        """What the containers of a real pod have said."""
        uid = self._pods[namespace, pod]["metadata"]["uid"]
        return self._running[uid].said()

    def send(self, namespace: str, pod: str, number: signal.Signals) -> None:
        """Send a signal to the processes of a real pod, behind the cluster's back."""
        self._running[self._pods[namespace, pod]["metadata"]["uid"]].send(number)

    @contextmanager
    def working(self) -> Iterator[Kubelet]:
        """Nodes are there, and pods are looked after, inside the block."""
        for number in range(_NODES):
            self._register(f"mmpipe-{self._session}-{number}")
        watch = Watch(self._client, POD, self._seen, self._gone)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_WORKERS)]
        threads.append(threading.Thread(target=self._beat, daemon=True))
        for thread in threads:
            thread.start()
        try:
            with watch.following():
                yield self
        finally:
            self._end(threads)

    def _end(self, threads: list[threading.Thread]) -> None:
        self._over.set()
        for _ in range(_WORKERS):
            self._queue.put(None)
        for thread in threads:
            thread.join()
        for running in list(self._running.values()):
            running.stop(0)
        for number in range(_NODES):
            self._client.delete(NODE, "", f"mmpipe-{self._session}-{number}")

    def _register(self, name: str) -> None:
        taint = {"key": NODE_LABEL, "value": self._session, "effect": "NoSchedule"}
        labels = {NODE_LABEL: self._session, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        spec = {"taints": [taint]} if self._tainted else {}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec}
        with suppress(ApiError):
            self._client.create(NODE, node)
        now = _now()
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "played by e2e.cluster.kubelet",
        }
        reported = {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "addresses": [{"type": "InternalIP", "address": HOST_IP}, {"type": "Hostname", "address": name}],
            "conditions": [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}],
        }
        self._client.patch(NODE, "", name, {"status": reported}, subresource="status")

    def _beat(self) -> None:
        """The heart of the nodes: without it the cluster would call them lost and evict their pods."""
        while True:
            for number in range(_NODES):
                name = f"mmpipe-{self._session}-{number}"
                spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
                metadata = {"name": name, "namespace": "kube-node-lease"}
                lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
                with suppress(ApiError, *UNREACHABLE):  # the next beat tries again
                    self._client.apply(LEASE, lease, "mmpipe-kubelet")
            if self._over.wait(_HEARTBEAT_S):
                return

    def _seen(self, pod: Manifest) -> None:
        if pod["spec"].get("nodeName", "").startswith(f"mmpipe-{self._session}-"):
            key = pod["metadata"]["namespace"], pod["metadata"]["name"]
            self._pods[key] = pod
            self._look_at([key])

    def _gone(self, pod: Manifest) -> None:
        self._pods.pop((pod["metadata"]["namespace"], pod["metadata"]["name"]), None)
        running = self._running.pop(pod["metadata"]["uid"], None)
        if running is not None:
            running.stop(0)
        self.addresses.give_back(pod["metadata"]["uid"])

    def _look_at(self, keys: Any) -> None:  # noqa: ANN401  # any iterable of keys
        for key in keys:
            self._queue.put(key)

    def _work(self) -> None:
        while (key := self._queue.get()) is not None:
            pod = self._pods.get(key)
            if pod is None:
                continue
            try:
                self._sync(pod)
            except UNREACHABLE:
                self._look_again(key)
            except ApiError as error:
                if error.status >= 500:
                    self._look_again(key)
                elif error.status not in (404, 409):
                    raise

    def _look_again(self, key: Key) -> None:
        """Once the API server may be back."""
        self._over.wait(_AGAIN_S)
        self._look_at([key])

    def _sync(self, pod: Manifest) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            self._finish(pod)
        elif pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            real = self._real(pod)
            if real is None:
                state = imagined(self._behaviour(pod))
                self._say(pod, {container["name"]: state for container in pod["spec"]["containers"]})

    def _real(self, pod: Manifest) -> RunningPod | None:
        """The processes of a pod of ours, started at first sight; they say of themselves how they are."""
        uid = pod["metadata"]["uid"]
        images = {container["image"] for container in pod["spec"]["containers"]}
        if not images <= self.programs.keys():
            return None
        with self._turn:
            if uid not in self._running:
                address = self.addresses.of(uid)
                self._running[uid] = RunningPod(self._client, pod, self.programs, self._folder / uid, address)
                self._running[uid].start(lambda states: self._say(self._pods.get(_key(pod), pod), states))
        return self._running[uid]

    def _say(self, pod: Manifest, states: dict[str, ContainerState]) -> None:
        """Report what has changed of a pod."""
        before = pod.get("status", {})
        after = status(pod, states, self.addresses.of(pod["metadata"]["uid"]), _now())
        if any(before.get(name) != value for name, value in after.items()):
            metadata = {"uid": pod["metadata"]["uid"]}
            self._client.patch(POD, *_key(pod), {"metadata": metadata, "status": after}, subresource="status")

    def _finish(self, pod: Manifest) -> None:
        running = self._running.get(pod["metadata"]["uid"])
        if running is not None:
            running.stop(pod["metadata"].get("deletionGracePeriodSeconds", 30))
        precondition = {"uid": pod["metadata"]["uid"]}
        self._client.delete(POD, *_key(pod), gracePeriodSeconds=0, preconditions=precondition)

    def _behaviour(self, pod: Manifest) -> Behaviour:
        return next((rule.behaviour for rule in self._rules if rule.matches(pod)), Behaviour.READY)


def _key(pod: Manifest) -> Key:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _now(*, micro: bool = False) -> str:
    precision = "microseconds" if micro else "seconds"
    return datetime.now(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
