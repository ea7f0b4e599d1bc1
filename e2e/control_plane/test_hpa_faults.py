"""What fails while a pipeline is scaled: a reading that can't be had scales nothing, and namespaces can be deleted.

Neighbour: ``test_helm_adapter`` has the adapter's certificates, its registration and its end.
"""

from __future__ import annotations

import signal

import pytest
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaling
from e2e.scaling.outages import WAYS, begin, delete_namespace, end, send, timed
from tests.servers.nats import NatsServer

HANGS_S = 90.0
"""The API server gives up a request that nobody answers after 60 s, and the autoscaler waits for it."""


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
        send(scaling, signal.SIGKILL)
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

    end(scaling, way)
    took_s = timed(lambda: delete_namespace(scaling))
    alone.pipeline.wait("ScalingActive", "False", "MetricsMissing", timeout_s=HANGS_S)
    alone.stays(3)

    begin(scaling, way)
    alone.backlog.finish(25)
    alone.reaches(1)
    with capsys.disabled():
        print(f"\nadapters {way}: a namespace was gone after {took_s:.0f} s")  # noqa: T201  # what was measured
