from __future__ import annotations

import asyncio
from typing import cast

from tests.unit.operator.fake_cluster import FakeCluster

from mmpipe_operator.cluster import Cluster
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.watching.contents import ContentReader, Contents


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def secret(**data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "team", "name": "m"}, "data": data}


def read(reader: ContentReader, *references: str) -> Contents:
    return asyncio.run(reader.read("team", references))


def test_secrets_are_read_by_name_and_key() -> None:
    cluster = FakeCluster()
    cluster.put(secret(key="b25l"))

    found = read(ContentReader(cast("Cluster", cluster), 60), "Secret/m", "Secret/absent")

    assert found.secrets == {("m", "key"): "one"}
    assert list(found.digests) == ["Secret/m"]
    assert "one" not in repr(found)


def test_what_is_fresh_is_not_read_again_and_a_change_shows_when_it_is_stale() -> None:
    cluster, clock = FakeCluster(), Clock()
    reader = ContentReader(cast("Cluster", cluster), 60, clock)
    cluster.put(secret(key="b25l"))
    first = read(reader, "Secret/m")
    cluster.put(secret(key="dHdv"))

    clock.now_s = 59
    assert read(reader, "Secret/m") == first
    assert cluster.reads == 1
    clock.now_s = 60

    assert read(reader, "Secret/m").digests != first.digests


def test_a_digest_changes_with_the_content_alone() -> None:
    cluster = FakeCluster()
    cluster.put(secret(key="b25l"))
    first = read(ContentReader(cast("Cluster", cluster), 60), "Secret/m")
    labelled = secret(key="b25l")
    labelled["metadata"]["labels"] = {"theirs": "x"}
    cluster.put(labelled)

    assert read(ContentReader(cast("Cluster", cluster), 60), "Secret/m").digests == first.digests
