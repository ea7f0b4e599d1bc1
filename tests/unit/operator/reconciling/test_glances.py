"""A look at a pipeline that has not changed plans nothing, reads nothing and writes nothing; at any other it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.operator.fake_cluster import pipeline
from tests.unit.operator.reconciling.test_reconcile import Scene

from mmpipe_operator import names
from mmpipe_operator.cluster import Refused
from mmpipe_operator.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, Manifest, Ref, ref_of
from mmpipe_operator.reconciling import reconcile, record
from mmpipe_operator.reconciling.reconcile import Reconciler
from mmpipe_operator.watching.cache import Cache

SERVICE_OF_TEXT = Ref(SERVICE, "team", "media-text")
_SECRET = {"name": "nats", "key": "credentials"}
CREDENTIALS = {"source": {"queue": {"nats": {"url": "nats://nats:4222", "credentialsSecretRef": _SECRET}}}}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the expensive parts of a look were used."""
    counted: Counter[str] = Counter()

    def count(name: str) -> None:
        function: Callable[..., Any] = getattr(reconcile, name)

        def counting(*arguments: Any) -> Any:  # noqa: ANN401  # those of the function
            counted[name] += 1
            return function(*arguments)

        monkeypatch.setattr(reconcile, name, counting)

    for name in ("plan", "from_object", "references"):
        count(name)
    return counted


def settled(calls: Counter[str], spec: Manifest | None = None) -> Scene:
    """A pipeline that was looked at closely, and the counters at zero."""
    scene = Scene(pipeline(spec))
    scene.cluster.put(secret("b25l"))
    scene.reconcile()
    forget(scene, calls)
    return scene


def forget(scene: Scene, calls: Counter[str]) -> None:
    calls.clear()
    scene.cluster.reads = 0
    scene.cluster.writes.clear()


def restart(scene: Scene) -> None:
    """Another operator over the same cluster, with all that its lists bring."""
    cache = Cache()
    for manifest in scene.cluster.objects.values():
        if manifest["kind"] != "Secret":
            cache.put(manifest)
    scene.cache = scene.world.cache = cache
    scene.reconciler = Reconciler(scene.world)


def secret(value: str) -> Manifest:
    metadata = {"namespace": "team", "name": "nats", "resourceVersion": "1"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"credentials": value}}


def test_a_look_at_an_unchanged_pipeline_costs_no_plan_no_read_and_no_write(calls: Counter[str]) -> None:
    scene = settled(calls)

    scene.reconcile()

    assert (calls, scene.cluster.reads, scene.cluster.writes) == ({}, 0, [])


def test_the_first_look_of_a_new_operator_reads_the_spec_and_nothing_else(calls: Counter[str]) -> None:
    scene = settled(calls)
    restart(scene)

    scene.reconcile()
    scene.reconcile()

    assert (calls, scene.cluster.reads, scene.cluster.writes) == ({"from_object": 1}, 0, [])


def test_pods_that_come_up_change_the_status_without_a_plan(calls: Counter[str]) -> None:
    scene = settled(calls)
    ref = Ref(DEPLOYMENT, "team", "media-text")
    scene.see({**scene.cluster.objects[ref], "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}})

    scene.reconcile()

    assert scene.cluster.writes == [("status", "MultimodalPipeline media")]
    assert not calls


@pytest.mark.parametrize("kind", [SERVICE_ACCOUNT, CONFIG_MAP, SERVICE, DEPLOYMENT], ids=lambda kind: str(kind.kind))
@pytest.mark.parametrize("harm", ["changed", "deleted"])
def test_what_is_done_to_a_child_while_no_operator_runs_is_put_right(
    calls: Counter[str], kind: object, harm: str
) -> None:
    scene = settled(calls)
    ref = next(ref for ref in scene.cluster.objects if ref.kind is kind)
    if harm == "deleted":
        del scene.cluster.objects[ref]
    else:
        scene.cluster.put({**scene.cluster.objects[ref], "spec": {"theirs": 1}})
    restart(scene)

    scene.reconcile()
    assert [name for verb, name in scene.cluster.writes if verb == "apply"] == [f"{ref.kind.kind} {ref.name}"]

    scene.reconcile()
    forget(scene, calls)
    scene.reconcile()
    assert (calls, scene.cluster.writes) == ({}, [])


def test_a_look_after_an_edit_reads_only_what_was_never_looked_at(calls: Counter[str]) -> None:
    scene = settled(calls)
    scene.edit(worker={"scaling": {"maxReplicas": 7}})

    scene.reconcile()

    assert calls["plan"] == 1
    assert scene.cluster.reads == 2  # the pipeline is one of them: is it still what was seen?
    assert [name for verb, name in scene.cluster.writes if verb == "apply"] == ["HorizontalPodAutoscaler media-worker"]


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.edit(topology="PerStage"),
        lambda scene: scene.cluster.put(secret("dHdv")),
        lambda scene: setattr(scene.world, "apis", frozenset({"keda.sh/v1alpha1"})),
        lambda scene: setattr(scene.world, "defaults", reconcile.Defaults(image="mmpipe:2")),
        lambda scene: scene.see({**scene.raw, "metadata": {**scene.raw["metadata"], "finalizers": [names.FINALIZER]}}),
        lambda scene: scene.see({**scene.raw, "status": {**scene.raw["status"], "applied": {"digest": "wrong"}}}),
        lambda scene: scene.see({**scene.raw, "status": {**scene.raw["status"], "processes": []}}),
        lambda scene: scene.see({**scene.raw, "status": {}}),
        lambda scene: scene.see({**scene.raw, "metadata": {**scene.raw["metadata"], "generation": 2}}),
    ],
    ids=[
        "spec",
        "secret",
        "optional kinds",
        "settings",
        "finalizer",
        "a wrong record",
        "processes",
        "no status",
        "generation",
    ],
)
def test_whatever_a_plan_is_made_from_has_it_made_again(calls: Counter[str], change: Callable[[Scene], object]) -> None:
    scene = settled(calls, CREDENTIALS)
    scene.world.contents.fresh_s = 0
    change(scene)

    scene.reconcile()

    assert calls["plan"] == 1


def test_another_version_of_the_operator_looks_closely_once(
    calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = settled(calls)
    monkeypatch.setattr(record, "planner", lambda: "another")

    scene.reconcile()
    assert calls["plan"] == 1
    scene.reconcile()
    assert calls["plan"] == 1


def test_a_child_that_the_api_server_refuses_is_never_taken_for_applied(calls: Counter[str]) -> None:
    scene = settled(calls)
    scene.cluster.refuse = lambda verb, ref: (
        Refused("PATCH", "Forbidden", "no") if verb == "apply" and ref == SERVICE_OF_TEXT else None
    )
    scene.cache.drop(scene.cluster.objects.pop(SERVICE_OF_TEXT) | {})

    scene.reconcile_in_vain()
    forget(scene, calls)
    scene.reconcile_in_vain()

    assert calls["plan"] == 1


def test_a_change_on_the_way_into_the_cluster_is_looked_at_every_time(calls: Counter[str]) -> None:
    """As an admission webhook makes it: what is there is never as planned."""
    scene = Scene(pipeline())
    apply = scene.cluster.apply

    async def mutating(manifest: Manifest) -> Manifest:
        await apply(manifest)
        stored = scene.cluster.objects[ref_of(manifest)]
        if manifest["kind"] == "Service":
            stored["spec"] = {**stored["spec"], "selector": {"theirs": "1"}}
        return stored

    scene.cluster.apply = mutating  # type: ignore[method-assign]  # a webhook's doing
    scene.reconcile()
    forget(scene, calls)

    scene.reconcile()

    assert calls["plan"] == 1
    assert record.FIELD not in scene.raw["status"]
