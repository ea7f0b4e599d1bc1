from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.cluster import Cluster, Unavailable
from mmpipe_operator.kinds import POD, Kind, Manifest
from mmpipe_operator.metrics_adapter.pods import PodDepths
from mmpipe_operator.metrics_adapter.problems import Unreadable
from mmpipe_operator.scaling.exposition import Sample
from mmpipe_operator.scaling.pod_metrics import ScrapeFailed

WAITING, IN_FLIGHT = "mmpipe_server_queue_depth", "mmpipe_server_in_flight"


def pod(address: str, *, ready: bool = True, phase: str = "Running", **metadata: object) -> Manifest:
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
    return {
        "metadata": {"name": f"pod-{address}", "namespace": "team", **metadata},
        "status": status | ({"podIP": address} if address else {}),
    }


class Pods:
    """What runs, and what each address says; ``silences`` counts down the questions that get no answer."""

    def __init__(self, *pods: Manifest, **depths: float) -> None:
        self.pods = list(pods)
        self.depths = depths
        self.silences: dict[str, int] = {}
        self.selectors: list[str] = []
        self.fault: Exception | None = None

    async def list(self, kind: Kind, namespace: str, selector: str) -> tuple[list[Manifest], int]:
        assert (kind, namespace) == (POD, "team")
        self.selectors.append(selector)
        if self.fault:
            raise self.fault
        return self.pods, 1

    async def scrape(self, host: str) -> tuple[Sample, ...]:
        if self.silences.get(host, 0):
            self.silences[host] -= 1
            raise ScrapeFailed(f"http://{host}: no answer")
        lanes = (Sample(WAITING, {"lane": lane}, self.depths[host]) for lane in ("query", "ingest"))
        return (*lanes, Sample(IN_FLIGHT, {}, 100 + self.depths[host]))

    async def of(self, process: str = "image") -> int:
        return await PodDepths(cast("Cluster", self), self.scrape).of("team", "media", process)


@asynchronous
async def test_calls_of_both_lanes_and_of_all_pods_of_the_process_are_counted() -> None:
    pods = Pods(pod("a"), pod("b"), a=1, b=2)
    assert await pods.of() == 6
    labels = "app.kubernetes.io/instance=media,app.kubernetes.io/component=image"
    assert pods.selectors == [f"app.kubernetes.io/name=mmpipe,{labels}"]


@asynchronous
async def test_a_gateway_has_the_calls_that_it_answers() -> None:
    assert await Pods(pod("a"), a=2).of("gateway") == 102


@asynchronous
async def test_no_pods_have_no_calls() -> None:
    assert await Pods().of() == 0


@pytest.mark.parametrize(
    "ended", [{"phase": "Succeeded"}, {"phase": "Failed"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}], ids=str
)
@asynchronous
async def test_a_pod_that_ends_is_left_out(ended: dict[str, Any]) -> None:
    assert await Pods(pod("a"), pod("b", **ended), a=1, b=50).of() == 2
    assert await Pods(pod("b", **ended), b=50).of() == 0


@asynchronous
async def test_pods_of_which_none_is_ready_are_no_reading() -> None:
    with pytest.raises(Unreadable, match="process image of pipeline team/media: found none of 2 pods ready"):
        await Pods(pod("a", ready=False), pod("b", ready=False), a=0, b=0).of()


@asynchronous
async def test_a_pod_that_is_not_ready_counts_where_it_answers_and_holds_nothing_up_where_not() -> None:
    pods = Pods(pod("a"), pod("b", ready=False), pod("", ready=False), a=1, b=2)
    assert await pods.of() == 6
    pods.silences = {"b": 1}
    assert await pods.of() == 2


@asynchronous
async def test_a_ready_pod_that_is_silent_once_is_asked_again() -> None:
    pods = Pods(pod("a"), pod("b"), a=1, b=2)
    pods.silences = {"b": 1}
    assert await pods.of() == 6


@asynchronous
async def test_one_ready_pod_of_several_that_stays_silent_is_no_reading() -> None:
    pods = Pods(pod("a"), pod("b"), a=1, b=2)
    pods.silences = {"b": 2}
    with pytest.raises(Unreadable, match="pod pod-b: http://b: no answer"):
        await pods.of()


@asynchronous
async def test_a_pod_that_does_not_tell_the_metric_is_no_reading() -> None:
    async def other(_: str) -> tuple[Sample, ...]:
        return (Sample("python_info", {}, 1),)

    with pytest.raises(Unreadable, match=f"found no {WAITING} among its metrics, expected it"):
        await PodDepths(cast("Cluster", Pods(pod("a"))), other).of("team", "media", "image")


@asynchronous
async def test_a_ready_pod_without_an_address_is_no_reading() -> None:
    with pytest.raises(Unreadable, match="found no address"):
        await Pods(pod("")).of()


@asynchronous
async def test_an_api_server_that_does_not_answer_is_no_reading() -> None:
    pods = Pods()
    pods.fault = Unavailable("GET pods", "Unreachable", "no answer")
    with pytest.raises(Unreadable, match="GET pods: no answer"):
        await pods.of()


@asynchronous
async def test_a_process_whose_pods_hang_keeps_no_other_waiting() -> None:
    hung, served = Pods(*(pod(f"h{number}") for number in range(100))), Pods(pod("a"), a=1)
    begun = asyncio.Event()

    async def hang(host: str) -> tuple[Sample, ...]:
        if host.startswith("h"):
            begun.set()
            await asyncio.Event().wait()
        return await served.scrape(host)

    depths = PodDepths(cast("Cluster", Both(hung, served)), hang)
    waiting = asyncio.create_task(depths.of("team", "media", "hung"))
    await begun.wait()
    assert await asyncio.wait_for(depths.of("team", "media", "image"), 5) == 2
    waiting.cancel()


class Both:
    """A process that hangs, and one that serves."""

    def __init__(self, hung: Pods, served: Pods) -> None:
        self._hung, self._served = hung, served

    async def list(self, kind: Kind, namespace: str, selector: str) -> tuple[list[Manifest], int]:
        return await (self._hung if "component=hung" in selector else self._served).list(kind, namespace, selector)
