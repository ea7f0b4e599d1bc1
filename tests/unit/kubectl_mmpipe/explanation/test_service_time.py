"""Means from what pods say: seconds over items, as Prometheus would divide them."""

import pytest

from kubectl_mmpipe.explanation.service_time import ServiceTime, service_time
from mmpipe_operator.scaling.exposition import samples

WORKER = """\
mmpipe_worker_duration_seconds_sum 90.0
mmpipe_worker_duration_seconds_count 30.0
mmpipe_worker_in_flight 6.0
"""
GATEWAY = """\
rpc_server_call_duration_seconds_sum{rpc_method="mmpipe.v1.GatewayService/Submit"} 4.0
rpc_server_call_duration_seconds_count{rpc_method="mmpipe.v1.GatewayService/Submit"} 8.0
rpc_server_call_duration_seconds_sum{rpc_method="mmpipe.v1.GatewayService/Ingest"} 4000.0
rpc_server_call_duration_seconds_count{rpc_method="mmpipe.v1.GatewayService/Ingest"} 1.0
mmpipe_server_in_flight 2.0
"""


def of(process: str, *texts: str, ready: int = 1, threads: int = 1) -> ServiceTime:
    return service_time(process, [list(samples(text)) for text in texts], ready, threads)


def test_a_workers_samples_and_how_many_it_has_at_once() -> None:
    found = of("worker", WORKER, WORKER, ready=2)

    assert (found.seconds, found.items, found.unit, found.at_once) == (3, 60, "sample", 12)
    assert found.drain_s(100) == 25


def test_pods_that_were_not_asked_count_as_those_that_were() -> None:
    assert of("worker", WORKER, ready=4).at_once == 24


def test_a_gateways_calls_without_the_streams_that_last_as_long_as_a_client_likes() -> None:
    found = of("gateway", GATEWAY)

    assert (found.seconds, found.items, found.unit) == (0.5, 8, "call")
    assert found.drain_s(10) == 2.5


@pytest.mark.parametrize("process", ["worker", "gateway", "image", "fuse"])
def test_pods_that_have_done_nothing_say_so(process: str) -> None:
    found = of(process, "up 1\n")

    assert found.seconds is None
    assert "has gone through since its pods started" in found.why


def test_an_unknown_depth_has_no_time() -> None:
    assert of("worker", WORKER).drain_s(None) is None


def test_a_worker_with_nothing_in_flight_has_no_rate_to_go_by() -> None:
    assert of("worker", WORKER.replace(" 6.0", " 0.0")).drain_s(10) is None
