from __future__ import annotations

import asyncio
from typing import cast

import pytest
from tests.unit.operator.fake_cluster import FakeCluster, pipeline

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, Conflict, Gone
from mmpipe_operator.kinds import PIPELINE, Ref
from mmpipe_operator.running.release import release
from mmpipe_operator.running.round_trip import NoRoundTrip, round_trip


def test_our_finalizer_goes_and_those_of_others_stay() -> None:
    cluster = FakeCluster()
    cluster.put(pipeline(finalizers=["theirs/x", names.FINALIZER]))
    cluster.put(pipeline(name="free"))

    assert asyncio.run(release(cast("Cluster", cluster))) == 1

    assert cluster.objects[Ref(PIPELINE, "team", "media")]["metadata"]["finalizers"] == ["theirs/x"]
    assert cluster.writes == [("merge", "MultimodalPipeline media")]


def test_only_the_namespaces_that_were_served_are_released() -> None:
    cluster = FakeCluster()
    cluster.put(pipeline(finalizers=[names.FINALIZER]))

    assert asyncio.run(release(cast("Cluster", cluster), ("other",))) == 0


def test_a_pipeline_that_changes_meanwhile_is_tried_again_and_not_for_ever() -> None:
    cluster = FakeCluster()
    cluster.put(pipeline(finalizers=[names.FINALIZER]))
    cluster.refuse = lambda verb, _: Conflict("PATCH", "Conflict", "changed") if verb == "merge" else None

    with pytest.raises(Conflict, match="run it again"):
        asyncio.run(release(cast("Cluster", cluster)))


def test_a_round_trip_without_an_operator_says_what_is_missing_and_leaves_nothing() -> None:
    cluster = FakeCluster()

    with pytest.raises(NoRoundTrip, match=r"SpecValid.*the operator's log"):
        asyncio.run(round_trip(cast("Cluster", cluster), "team", timeout_s=0))

    assert cluster.objects == {}


def test_a_kind_that_has_gone_before_leaves_nothing_to_release() -> None:
    cluster = FakeCluster()
    cluster.refuse = lambda verb, _: Gone("GET", "NotFound", "no such kind") if verb == "list" else None

    assert asyncio.run(release(cast("Cluster", cluster))) == 0
