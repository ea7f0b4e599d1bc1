from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe.errors import MmpipeError
from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Gone, NotLeading, Refused, Unavailable
from mmpipe_operator.kinds import POD, Manifest, Ref
from mmpipe_operator.sparing import Sparing
from mmpipe_operator.sparing.cost import Load
from mmpipe_operator.sparing.steadiness import READINGS
from mmpipe_operator.watching.cache import Cache

KEY = ("team", "media")


class SilentError(MmpipeError):
    """Of a pod that does not answer."""


class Scene:
    """A pipeline with pods, what each of them would say, and what has been asked."""

    def __init__(self, pods: Iterable[Manifest], annotations: dict[str, str] | None = None) -> None:
        self.cluster, self.cache = FakeCluster(), Cache()
        self.loads: dict[str, Load | MmpipeError] = {}
        self.asked: list[str] = []
        self.cache.put(self.cluster.put(pipeline(annotations=annotations or {})))
        for pod in pods:
            self.cache.put(self.cluster.put(pod))
        self.sparing = Sparing(cast("Cluster", self.cluster), self.cache, self._read, 0.001)

    async def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            await self.sparing.round()

    @property
    def costs(self) -> dict[str, str | None]:
        pods = [held for ref, held in self.cluster.objects.items() if ref.kind is POD]
        return {
            pod["metadata"]["name"]: pod["metadata"].get("annotations", {}).get(names.DELETION_COST) for pod in pods
        }

    async def _read(self, address: str) -> Load:
        self.asked.append(address)
        load = self.loads.get(address, Load())
        if isinstance(load, MmpipeError):
            raise load
        return load


def pod(
    name: str, process: str = "worker", *, cost: str | None = None, ready: str = "True", template: str = "1"
) -> Manifest:
    """Its address is its name."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-{name}",
            "labels": names.labels("media", process) | {"pod-template-hash": template},
            "annotations": {names.DELETION_COST: cost} if cost else {},
        },
        "status": {"podIP": name, "conditions": [{"type": "Ready", "status": ready}]},
    }


@asynchronous
async def test_the_busy_pod_of_two_gets_a_cost_and_the_idle_one_has_none() -> None:
    scene = Scene([pod("a"), pod("b")])
    scene.loads["b"] = Load(items=4)

    await scene.rounds()

    assert scene.costs == {"a": None, "b": "3"}


@asynchronous
async def test_a_pod_that_is_done_loses_its_cost() -> None:
    scene = Scene([pod("a"), pod("b", cost="3")])

    await scene.rounds(READINGS)

    assert scene.costs == {"a": None, "b": None}


@asynchronous
async def test_idle_pods_and_busy_ones_that_stay_so_are_not_written() -> None:
    scene = Scene([pod("a"), pod("b"), pod("c", "image"), pod("d", "image")])
    scene.loads["b"] = Load(items=4)
    await scene.rounds()
    before = list(scene.cluster.writes)

    await scene.rounds(20)

    assert before == [("merge", "Pod b")]
    assert scene.cluster.writes == before


@asynchronous
async def test_a_process_with_one_pod_is_not_asked() -> None:
    scene = Scene([pod("a"), pod("b", "image"), pod("c", "image", ready="False")])

    await scene.rounds()

    assert scene.asked == []


@asynchronous
async def test_old_and_new_pods_of_a_rollout_are_not_compared() -> None:
    scene = Scene([pod("a", template="1"), pod("b", template="2")])

    await scene.rounds()

    assert scene.asked == []


@asynchronous
async def test_a_pod_that_is_going_is_not_asked() -> None:
    going = pod("b")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    scene = Scene([pod("a"), going, pod("c")])

    await scene.rounds()

    assert sorted(scene.asked) == ["a", "c"]


@asynchronous
async def test_pods_of_a_pipeline_that_nobody_may_touch_are_not_touched() -> None:
    scene = Scene([pod("a"), pod("b")], annotations={names.RECONCILE: "Paused"})
    scene.loads["b"] = Load(items=4)

    await scene.rounds()

    assert scene.asked == []
    assert scene.cluster.writes == []


@asynchronous
async def test_a_pod_that_does_not_answer_keeps_its_cost() -> None:
    scene = Scene([pod("a"), pod("b", cost="3")])
    scene.loads["b"] = SilentError("no answer")

    await scene.rounds(READINGS + 1)

    assert scene.costs == {"a": None, "b": "3"}


@asynchronous
async def test_a_cost_that_somebody_has_garbled_is_put_right() -> None:
    scene = Scene([pod("a"), pod("b", cost="much")])
    scene.loads["b"] = Load(items=1)

    await scene.rounds()

    assert scene.costs["b"] == "1"


@pytest.mark.parametrize("fault", [Gone, Refused])
@asynchronous
async def test_a_pod_that_is_gone_or_must_not_be_written_holds_up_no_other(fault: type[ClusterError]) -> None:
    scene = Scene([pod("a"), pod("b"), pod("c")])
    scene.loads |= {"a": Load(items=1), "c": Load(items=1)}
    scene.cluster.refuse = lambda verb, ref: _at(fault, verb, ref, "a")

    await scene.rounds()

    assert scene.costs == {"a": None, "b": None, "c": "1"}


@asynchronous
async def test_an_api_server_that_is_away_is_tried_again_and_a_lost_lease_ends_it() -> None:
    scene = Scene([pod("a"), pod("b")])
    scene.loads["b"] = Load(items=1)
    faults = iter([Unavailable, Unavailable, NotLeading])
    scene.cluster.refuse = lambda verb, ref: _at(next(faults), verb, ref, "b")

    await scene.sparing.run()

    assert scene.cluster.writes == []
    assert list(faults) == []


def _at(fault: type[ClusterError], verb: str, ref: Ref, name: str) -> ClusterError | None:
    return fault(str(ref), fault.__name__, "as the test wants it") if (verb, ref.name) == ("merge", name) else None
