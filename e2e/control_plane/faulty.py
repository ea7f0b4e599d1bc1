"""A scene in which things happen while something is wrong between the operator and its API server.

One act: a user edits the pipeline back and forth, somebody else deletes one of its Services and changes one of its
Deployments. It must come to the same end as without a fault, within a bound. Neighbours: ``final_state``, ``sweep``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.client import JSON_PATCH, ApiError
from e2e.cluster.faults.calls import Call
from e2e.cluster.faults.proxy import Proxy
from e2e.cluster.fixtures import discard
from e2e.cluster.operators import OperatorProcess, Operators, installed
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.final_state import State, contents, difference, recreated, state
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.kinds import DEPLOYMENT, SERVICE, Manifest, Ref

SETTLED_S = 120.0
LEASE_S = 60
"""Long, so that a busy machine takes nobody's lease: who leads is what ``test_leadership`` is about."""

WHOLE: dict[str, object] = {
    "modalities": [{"name": "image"}],
    "topology": "PerModality",
    "scaling": {"mode": "HPA"},
}
PARTED: dict[str, object] = {
    "modalities": [{"name": "image"}, {"name": "text"}],
    "topology": "PerStage",
    "scaling": {"mode": "None"},
    "lifecycle": {"state": "Running", "deletionPolicy": "Delete"},
}
"""From one to the other objects are made, changed and deleted, and a finalizer is put on and taken off."""


@dataclass(slots=True)
class Faulty:
    """``ends`` are the final states without a fault, of ``WHOLE`` and of ``PARTED``."""

    pipeline: Pipeline
    operators: Operators
    proxy: Proxy
    settings: dict[str, object]
    ends: list[State] = field(default_factory=list)
    now: int = 0
    restarts: int = 0

    @property
    def replica(self) -> OperatorProcess:
        return self.operators.replicas[-1]

    def start(self) -> None:
        self.operators.start(identity="replica", **self.settings)

    def restart(self) -> None:
        """As a kubelet does with a container that has ended, however it did; until all is listed and watched."""
        self.replica.child.kill()
        first = len(self.proxy.journal)
        self.start()
        wait_for(lambda: self._watched(first) == self._watched(0), SETTLED_S, self.replica.child.said)
        self.quiet(1)

    def _watched(self, first: int) -> set[str]:
        return {each.path for each in self.proxy.journal[first:] if each.watches}

    def learn(self) -> None:
        """See both ends, without a fault."""
        self.start()
        for spec in (WHOLE, PARTED):
            self.pipeline.apply(**spec).settle(SETTLED_S)
            self.quiet(3)
            self.ends.append(state(self.pipeline))
        self.now = 1

    def act(self) -> dict[Ref, Manifest]:
        """Edit, delete and change; what was there before and must stay the same object."""
        before = contents(self.pipeline)
        self.now = 1 - self.now
        client, namespace = self.pipeline.cluster.client, self.pipeline.namespace
        client.delete(SERVICE, namespace, "media-worker")
        command = [{"op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": "sleep"}]
        client.patch(DEPLOYMENT, namespace, "media-gateway", command, content=JSON_PATCH)
        self.pipeline.apply(**(WHOLE, PARTED)[self.now])
        return {ref: each for ref, each in before.items() if ref != Ref(SERVICE, namespace, "media-worker")}

    def converge(self, before: dict[Ref, Manifest], bound_s: float) -> float:
        """How long it took until all was as it must be; an operator that has ended is started again meanwhile."""
        started = time.monotonic()
        wait_for(self._done, bound_s, lambda: f"{self._differs()}\n{self.operators.replicas[-1].child.said()}")
        took_s = time.monotonic() - started
        again = recreated(before, contents(self.pipeline))
        assert again == [], f"found {', '.join(map(str, again))} made anew, expected the objects that were there"
        return took_s

    def rest(self) -> None:
        """Wait until all is as it must be and nobody writes."""
        wait_for(self._done, SETTLED_S, self._differs)
        self.quiet(2)

    def quiet(self, for_s: float) -> None:
        """Wait until nobody has written anything but leases for so long."""
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < for_s:
            now = sum(each.writes and not each.elects for each in self.proxy.journal)
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.1)

    def _done(self) -> bool:
        if self.replica.child.exit_code is not None:
            self.restarts += 1
            self.start()
        with suppress(ApiError, OSError):
            return not self._differs()
        return False

    def _differs(self) -> str:
        return difference(state(self.pipeline), self.ends[self.now])


@contextmanager
def faulty_in(cluster: Cluster, folder: Path, **settings: object) -> Iterator[Faulty]:
    """A scene in a namespace of its own that has learnt its ends; the proxy's keys lie in the folder."""
    namespace = cluster.new_namespace("faults")
    usual = {"probe_seconds": 5, "lease_seconds": LEASE_S}
    with (
        Proxy(cluster.client.access, folder).serving() as proxy,
        installed(cluster, [namespace], proxy.api) as operators,
    ):
        scene = Faulty(Pipeline(cluster, namespace, "media"), operators, proxy, usual | settings)
        scene.learn()
        yield scene
    discard(cluster, namespace)


def writes_of_objects(journal: list[Call]) -> list[str]:
    """All but leases, status and events: of the pipeline and its children."""
    told = ("/status", "/events")
    return [str(each) for each in journal if each.writes and not each.elects and not each.path.endswith(told)]
