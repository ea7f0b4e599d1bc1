"""What fails while a pipeline is scaled: a reading that can't be had scales nothing, and namespaces can be deleted.

Neighbour: ``test_helm_adapter`` has the adapter's certificates, its registration and its end.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
from e2e.cluster.client import NAMESPACE
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaling
from tests.servers.nats import NatsServer

GONE_S = 75.0
"""Until a namespace is gone whose deletion began as the adapters went: 30 s until the operator takes their registration
away, up to 30 s until the namespace controller tries again, and a busy machine."""
WAYS = ("stopped", "frozen")


def test_a_queue_that_is_away_scales_nothing_and_what_sleeps_wakes_after_it(
    scaling: Autoscaling, nats_server: NatsServer
) -> None:
    busy = scaling.pipeline("cut-busy", nats_server.url).apply()
    asleep = scaling.pipeline("cut-asleep", nats_server.url).apply(minReplicas=0)
    busy.backlog.add(25)
    busy.reaches(3)
    asleep.reaches(0)

    nats_server.kill()
    busy.pipeline.wait("ScalingActive", "False", "MetricsMissing")
    busy.stays(3)
    asleep.stays(0)
    assert scaling.reading("cut-busy", "queue_depth") == "ServiceUnavailable"

    nats_server.start()
    asleep.backlog.add(1)
    asleep.reaches(1)
    busy.backlog.finish(25)
    busy.reaches(1)


def test_adapters_that_are_killed_and_come_back_scale_nothing_wrongly(scaling: Autoscaling, nats_url: str) -> None:
    steady = scaling.pipeline("steady", nats_url).apply()
    steady.backlog.add(25)
    steady.reaches(3)

    for _ in range(3):
        _send(scaling, signal.SIGKILL)
        steady.stays(3, for_s=3)

    wait_for(scaling.available)
    steady.backlog.finish(25)
    steady.reaches(1)


@pytest.mark.parametrize("way", WAYS)
def test_without_an_adapter_nothing_scales_and_namespaces_are_deleted(
    scaling: Autoscaling, nats_url: str, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = scaling.pipeline(f"alone-{way}", nats_url).apply()
    alone.backlog.add(25)
    alone.reaches(3)
    unneeded = scaling.cluster.new_namespace("unneeded")

    _end(scaling, way)
    took_s = _timed(lambda: _deleted(scaling, unneeded))
    alone.pipeline.wait("ScalingActive", "False", "MetricsMissing")
    alone.stays(3)

    _begin(scaling, way)
    wait_for(scaling.available, GONE_S)
    alone.backlog.finish(25)
    alone.reaches(1)
    with capsys.disabled():
        print(f"\nadapters {way}: a namespace was gone after {took_s:.0f} s")  # noqa: T201  # what was measured


def _end(scaling: Autoscaling, way: str) -> None:
    if way == "frozen":
        _send(scaling, signal.SIGSTOP)
    else:
        scaling.run_adapters(0)


def _begin(scaling: Autoscaling, way: str) -> None:
    if way == "frozen":
        _send(scaling, signal.SIGCONT)
    else:
        scaling.run_adapters(2)


def _send(scaling: Autoscaling, number: signal.Signals) -> None:
    for pod in scaling.adapters():
        scaling.cluster.kubelet.send(scaling.release.namespace, pod["metadata"]["name"], number)


def _deleted(scaling: Autoscaling, namespace: str) -> None:
    scaling.cluster.client.delete(NAMESPACE, "", namespace)

    def gone() -> bool:
        found = scaling.cluster.client.find(NAMESPACE, "", namespace)
        assert found is None, f"it says {found['status']}"
        return True

    wait_for(gone, GONE_S)


def _timed(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
