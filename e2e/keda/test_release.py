"""The chart's release with KEDA: what waits in a real JetStream goes by the metrics adapter to KEDA, and makes pods."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.cluster.client import NAMESPACE
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaling, autoscaling
from e2e.keda.installation import Keda

from mmpipe_operator.kinds import POD, SECRET

PACE = {"pollingIntervalSeconds": 1, "cooldownSeconds": 2}
PROCESSES = ("image", "worker", "fuse")


@pytest.fixture(scope="module")
def scaling(cluster: Cluster, crd: None, keda: Keda) -> Iterator[Autoscaling]:  # noqa: ARG001  # it must be there
    """A release whose adapter KEDA finds."""
    with autoscaling(cluster, {"pipelines": {"keda": True}}) as found:
        where = found.release.namespace
        keda.knows(f"mmpipe-metrics-adapter.{where}.svc", *(pod["status"]["podIP"] for pod in found.adapters()))
        _mount_authority(found)
        yield found


def _mount_authority(scaling: Autoscaling) -> None:
    """Start the operator's pods anew: a kubelet brings a changed Secret into a volume, the one played here does not."""
    client, where = scaling.cluster.client, scaling.release.namespace
    wait_for(lambda: (client.get(SECRET, where, "mmpipe-metrics-adapter-tls").get("data") or {}).get("ca.crt"))
    before = {pod["metadata"]["name"] for pod in scaling.release.pods()}
    for name in before:
        client.delete(POD, where, name)
    wait_for(lambda: scaling.release.leader() not in {"", *before}, 60, scaling.release.leader)


def test_a_sample_in_the_queue_wakes_what_keda_has_scaled_to_zero(scaling: Autoscaling, nats_url: str) -> None:
    media = scaling.pipeline("media", nats_url).apply(mode="KEDA", minReplicas=0, keda=PACE)
    media.reaches(0, *PROCESSES)
    assert media.replicas("gateway") == 1

    media.backlog.add(1)
    media.reaches(1, *PROCESSES)
    media.backlog.add(34)
    media.reaches(4, *PROCESSES)

    media.backlog.finish(35)
    media.reaches(0, *PROCESSES)


def test_what_is_in_flight_keeps_its_worker(scaling: Autoscaling, nats_url: str) -> None:
    busy = scaling.pipeline("busy", nats_url).apply(mode="KEDA", minReplicas=0, keda=PACE)
    busy.backlog.add(1)
    busy.reaches(1, *PROCESSES)

    with busy.backlog.leased(1):
        busy.stays(1, *PROCESSES)

    busy.reaches(0, *PROCESSES)


def test_a_namespace_with_scaled_objects_ends(scaling: Autoscaling, nats_url: str) -> None:
    ending = scaling.pipeline("ending", nats_url).apply(mode="KEDA", keda=PACE)
    ending.reaches(1, *PROCESSES)

    scaling.cluster.client.delete(NAMESPACE, "", scaling.namespace)

    wait_for(lambda: scaling.cluster.client.find(NAMESPACE, "", scaling.namespace) is None, 60)
