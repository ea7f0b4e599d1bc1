from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import cast

import pytest
from tests.asynchronous import asynchronous
from tests.unit.operator.metrics_adapter.apiservices import (
    HOME,
    ROLE,
    SETTINGS,
    THEIRS,
    TRUSTED,
    authority,
    cluster,
    seen,
)
from tests.unit.operator.metrics_adapter.objects import Objects, refusing

from mmpipe.telemetry.testing import capture
from mmpipe_operator.cluster import Cluster, Conflict, Refused, Unavailable
from mmpipe_operator.kinds import Manifest, Ref
from mmpipe_operator.metrics_adapter.issuing import covers
from mmpipe_operator.metrics_adapter.registration import LOOK_S, Registration, keep
from mmpipe_operator.scaling.api_service import OWN, api_service


def registration(objects: Objects) -> Registration:
    return Registration(cast("Cluster", objects), SETTINGS)


def bundle(objects: Objects) -> bytes:
    return base64.b64decode(objects.held[OWN]["spec"]["caBundle"])


@asynchronous
async def test_where_there_is_none_it_is_registered_and_goes_with_the_release() -> None:
    objects = cluster()
    adapter = registration(objects)

    await adapter.look(TRUSTED)

    assert adapter.registered
    assert adapter.refusal == ""
    assert objects.writes == ["apply without force"]
    made = objects.held[OWN]
    assert made["spec"]["service"] == {"namespace": "mmpipe-system", "name": "mmpipe-metrics-adapter", "port": 443}
    assert (made["spec"]["group"], made["spec"]["version"]) == ("custom.metrics.k8s.io", "v1beta2")
    assert "insecureSkipTLSVerify" not in made["spec"]
    assert bundle(objects) == TRUSTED
    assert [(owner["kind"], owner["uid"]) for owner in made["metadata"]["ownerReferences"]] == [("ClusterRole", "role")]


@asynchronous
async def test_what_is_as_it_should_be_is_not_written() -> None:
    objects = cluster(own=seen("True"))
    adapter = registration(objects)

    await adapter.look(TRUSTED)

    assert adapter.registered
    assert objects.writes == []


@asynchronous
async def test_fields_that_others_added_are_let_be() -> None:
    objects = cluster(own=seen("True", theirs="x"))

    await registration(objects).look(TRUSTED)

    assert objects.writes == []


@asynchronous
async def test_what_somebody_changed_is_set_back() -> None:
    objects = cluster(own=seen("True", versionPriority=1, caBundle=""))

    await registration(objects).look(TRUSTED)

    assert objects.writes == ["apply"]
    assert objects.held[OWN]["spec"]["versionPriority"] == 200
    assert bundle(objects) == TRUSTED


@asynchronous
async def test_two_replicas_with_different_authorities_do_not_take_each_others_away() -> None:
    objects, other = cluster(), authority()
    first, second = registration(objects), registration(objects)

    for _ in range(3):
        await first.look(TRUSTED)
        await second.look(other)

    assert covers(bundle(objects), TRUSTED + other)
    assert objects.writes == ["apply without force", "apply"]


@pytest.mark.parametrize(
    ("which", "found", "says"),
    [
        ("own", api_service(THEIRS, TRUSTED), "v1beta2.custom.metrics.k8s.io: found it served by Service monitoring/"),
        (
            "sibling",
            api_service(THEIRS, TRUSTED),
            "v1beta1.custom.metrics.k8s.io: found it served by Service monitoring/",
        ),
        ("own", {"spec": {"service": None}}, "v1beta2.custom.metrics.k8s.io: found it served by the API server itself"),
    ],
    ids=["the same version", "the other version", "a CustomResourceDefinition"],
)
def test_a_foreign_one_is_left_alone_and_told_whose_it_is(which: str, found: Manifest, says: str) -> None:
    objects, told = cluster(**{which: found}), list[str]()

    async def briefly() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(keep(cast("Cluster", objects), SETTINGS, lambda: TRUSTED, told.append), 0.05)

    asyncio.run(briefly())

    assert objects.writes == []
    assert says in told[0]
    assert "metricsAdapter.enabled=false" in told[0]


@asynchronous
async def test_a_definition_of_the_other_version_brings_no_metrics_and_is_no_hindrance() -> None:
    objects = cluster(sibling={"spec": {"service": None}})
    adapter = registration(objects)

    await adapter.look(TRUSTED)

    assert adapter.registered


@asynchronous
async def test_once_a_foreign_one_is_gone_ours_is_registered() -> None:
    objects = cluster(own=api_service(THEIRS, TRUSTED))
    adapter = registration(objects)
    await adapter.look(TRUSTED)
    assert not adapter.registered

    del objects.held[OWN]
    await adapter.look(TRUSTED)

    assert adapter.registered
    assert adapter.refusal == ""


@asynchronous
async def test_one_that_comes_between_look_and_write_is_not_overwritten() -> None:
    objects = cluster()
    objects.before = refusing("apply without force", Conflict("PATCH", "Conflict", "another manager"))
    adapter = registration(objects)

    await adapter.look(TRUSTED)

    assert not adapter.registered
    assert OWN not in objects.held


@asynchronous
async def test_a_change_between_look_and_write_is_not_overwritten() -> None:
    objects = cluster(own=seen("True", versionPriority=1))

    def other(verb: str, _: Ref) -> None:
        if verb == "apply":
            objects.before = lambda _, __: None
            objects.put(OWN, api_service(THEIRS, TRUSTED))

    objects.before = other
    await registration(objects).look(TRUSTED)

    assert objects.held[OWN]["spec"]["service"]["name"] == "prometheus-adapter"


@asynchronous
async def test_one_that_was_withdrawn_comes_back_with_growing_pauses_until_it_is_available() -> None:
    objects = cluster()
    adapter = registration(objects)
    pauses: list[float] = []
    for _ in range(7):
        await adapter.look(TRUSTED)
        assert adapter.registered
        objects.held.pop(OWN)
        await adapter.look(TRUSTED)
        assert not adapter.registered
        pauses.append(adapter.pause_s)
    assert pauses == [20, 40, 80, 160, 300, 300, 300]

    objects.put(OWN, seen("True"))
    await adapter.look(TRUSTED)
    assert adapter.pause_s == LOOK_S


@asynchronous
async def test_nothing_is_registered_where_the_owner_has_gone() -> None:
    objects = cluster()
    del objects.held[ROLE]
    adapter = registration(objects)

    await adapter.look(TRUSTED)

    assert not adapter.registered
    assert objects.writes == []


@asynchronous
async def test_nothing_is_registered_from_a_namespace_that_is_being_deleted() -> None:
    objects = cluster()
    objects.put(HOME, {"metadata": {"deletionTimestamp": "now"}})

    await registration(objects).look(TRUSTED)

    assert objects.writes == []


@pytest.mark.parametrize(
    "fault",
    [Unavailable("GET apiservices", "Unreachable", "no answer"), Refused("GET apiservices", "Forbidden", "no right")],
)
def test_what_fails_is_logged_once_and_tried_again(
    fault: Unavailable | Refused, caplog: pytest.LogCaptureFixture
) -> None:
    objects = cluster()
    adapter = registration(objects)

    async def looks() -> None:
        objects.before = refusing("get", fault)
        await adapter.look(TRUSTED)
        await adapter.look(TRUSTED)
        objects.before = lambda _, __: None
        await adapter.look(TRUSTED)

    asyncio.run(looks())

    assert adapter.registered
    assert sum("it is tried again" in record.message for record in caplog.records) == 1


@asynchronous
async def test_a_new_authority_is_told_at_once() -> None:
    objects, bundles = cluster(), [TRUSTED]
    with capture() as emitted:
        keeping = asyncio.create_task(
            keep(cast("Cluster", objects), SETTINGS, lambda: bundles[-1], lambda _: None),
        )
        await asyncio.sleep(0.05)
        assert emitted.total("mmpipe.adapter.registered", {}) == 1
        bundles.append(authority())
        await asyncio.sleep(0.7)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    assert covers(bundle(objects), bundles[1])
