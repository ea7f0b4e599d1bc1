from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast
from unittest.mock import AsyncMock

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.apiservices import HOME, SETTINGS, THEIRS, TRUSTED, cluster, seen

from mmpipe_operator.cluster import Cluster, Unavailable
from mmpipe_operator.kinds import Manifest, Ref
from mmpipe_operator.metrics_adapter.registration import withdraw_on_exit
from mmpipe_operator.scaling.api_service import OWN, api_service


@pytest.mark.parametrize(
    ("found", "is_ending", "stays"),
    [(seen("True"), True, False), (seen("True"), False, True), (api_service(THEIRS, TRUSTED), True, True)],
    ids=["its namespace is being deleted", "a rollout", "a foreign one"],
)
def test_the_last_to_leave_takes_it_away(found: Manifest, is_ending: bool, stays: bool) -> None:  # noqa: FBT001  # columns
    objects = cluster(own=found)
    if is_ending:
        objects.put(HOME, {"metadata": {"deletionTimestamp": "now"}})

    asyncio.run(withdraw_on_exit(cast("Cluster", objects), SETTINGS, 5))

    assert (OWN in objects.held) is stays


def test_one_that_changes_just_then_is_taken_away_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """The API server notes that nobody answers at the very time of the adapter's end."""
    objects, changes = cluster(own=seen("True")), iter((seen("True"), seen("False")))
    objects.put(HOME, {"metadata": {"deletionTimestamp": "now"}})

    def change(verb: str, _: Ref) -> None:
        changed = next(changes, None) if verb == "delete" else None
        if changed is not None:
            objects.put(OWN, changed)

    objects.before = change

    asyncio.run(withdraw_on_exit(cast("Cluster", objects), SETTINGS, 5))

    assert OWN not in objects.held
    assert "kubectl" not in caplog.text


async def _refuse(_: Ref) -> None:
    raise Unavailable("GET namespaces", "Unreachable", "no answer")


async def _say_nothing(_: Ref) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("answer", [_refuse, _say_nothing], ids=["refuses", "says nothing"])
@asynchronous
async def test_an_api_server_that_is_away_does_not_hold_up_the_end(
    answer: Callable[[Ref], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    objects = AsyncMock()
    objects.get.side_effect = answer

    await withdraw_on_exit(objects, SETTINGS, 0.05)

    assert "kubectl delete apiservice v1beta2.custom.metrics.k8s.io" in caplog.text
