"""What scaled a pipeline's Deployments and when, by the API server's own order of events: from watches, by version."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import urllib3
from e2e.cluster.client import Client

from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, SCALED_OBJECT, Kind, Manifest
from mmpipe_operator.names import COMPONENT_LABEL, PIPELINE_LABEL

OURS, KEDAS = "our autoscaler", "KEDA"


@dataclass(frozen=True, slots=True)
class Change:
    """At one version of the cluster: an object that scales has come or gone."""

    version: int
    who: str
    uid: str
    is_there: bool


@dataclass(slots=True)
class Scalers:
    """Of one namespace, by process."""

    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    replicas: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """All that a Deployment was ever to have."""

    def together(self) -> list[str]:
        """Processes that both had at one time."""
        return sorted(process for process, changes in self.changes.items() if _overlap(changes))

    def order(self, process: str) -> list[str]:
        """Who has scaled it, one after the other."""
        found: list[str] = []
        for change in sorted(self.changes[process], key=lambda change: change.version):
            if change.is_there and found[-1:] != [change.who]:
                found.append(change.who)
        return found

    def see(self, kind: Kind, event: Manifest) -> None:
        """Take in an event of a watch."""
        manifest, deleted = event["object"], event["type"] == "DELETED"
        metadata = manifest["metadata"]
        process = metadata.get("labels", {}).get(COMPONENT_LABEL, "")
        if kind is DEPLOYMENT:
            self.replicas[process].add(manifest["spec"]["replicas"])
            return
        owners = {owner["kind"] for owner in metadata.get("ownerReferences", ())}
        who = KEDAS if kind is SCALED_OBJECT or SCALED_OBJECT.kind in owners else OURS
        self.changes[process].append(Change(int(metadata["resourceVersion"]), who, metadata["uid"], not deleted))


def _overlap(changes: list[Change]) -> bool:
    there: dict[str, str] = {}
    for change in sorted(changes, key=lambda change: change.version):
        if change.is_there:
            there[change.uid] = change.who
        else:
            there.pop(change.uid, None)
        if len(set(there.values())) > 1:
            return True
    return False


@contextmanager
def watched(client: Client, namespace: str) -> Iterator[Scalers]:
    """From an empty namespace to the end of the block."""
    scalers, over = Scalers(), threading.Event()
    for kind in (AUTOSCALER, SCALED_OBJECT, DEPLOYMENT):
        version = client.call("GET", kind.path(namespace))["metadata"]["resourceVersion"]
        follow = (client, kind, namespace, version, scalers, over)
        threading.Thread(target=_follow, args=follow, daemon=True).start()
    try:
        yield scalers
    finally:
        over.set()


def _follow(client: Client, kind: Kind, namespace: str, version: str, scalers: Scalers, over: threading.Event) -> None:
    query = {"resourceVersion": version, "labelSelector": PIPELINE_LABEL, "timeoutSeconds": 600}
    with (
        suppress(urllib3.exceptions.HTTPError, OSError),
        client.watch(kind.path(namespace), **query) as events,
    ):
        for event in events:
            if over.is_set():
                return
            if event["type"] != "BOOKMARK":
                scalers.see(kind, event)
