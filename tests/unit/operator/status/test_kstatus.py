"""What `helm install --wait`, Flux and `kubectl wait` make of the status, by their own published rules."""

from __future__ import annotations

import pytest
from tests.unit.operator.status.scenes import SCENES, Scene
from tests.unit.operator.status.world import NOW, conditions, observed, then

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import STATES, state_of, status


def kstatus(manifest: Manifest) -> str:
    """As sigs.k8s.io/cli-utils/pkg/kstatus says in its README and in doc.go, for a resource that it has no rule for."""
    metadata, told = manifest["metadata"], manifest.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if "observedGeneration" in told and told["observedGeneration"] != metadata["generation"]:
        return "InProgress"
    for condition in told.get("conditions", ()):
        if condition["status"] == "True" and condition["type"] in {"Reconciling", "Stalled"}:
            return "InProgress" if condition["type"] == "Reconciling" else "Failed"
    ready = [condition["status"] for condition in told.get("conditions", ()) if condition["type"] == "Ready"]
    return "Current" if ready in ([], ["True"]) else "InProgress"


def kubectl_waits(manifest: Manifest) -> bool:
    """Whether `kubectl wait --for=condition=Ready` goes on waiting: it wants True, about the present generation."""
    ready = conditions(manifest["status"])["Ready"]
    return bool(ready["status"] != "True" or ready["observedGeneration"] < manifest["metadata"]["generation"])


def stored(scene: Scene) -> Manifest:
    return {**scene.seen.pipeline, "status": status(scene.seen, NOW)}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_kstatus_comes_to_what_is_the_case(scene: Scene) -> None:
    assert kstatus(stored(scene)) == scene.kstatus


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_ready_says_it_with_its_reason(scene: Scene) -> None:
    ready = conditions(status(scene.seen, NOW))["Ready"]

    assert (ready["status"], ready["reason"]) == (scene.ready, scene.reason)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_kubectl_wait_ends_exactly_when_kstatus_says_current(scene: Scene) -> None:
    assert kubectl_waits(stored(scene)) is (scene.kstatus != "Current")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_what_stalls_is_never_called_progress(scene: Scene) -> None:
    told = conditions(status(scene.seen, NOW))

    assert (told["Stalled"]["status"], told["Reconciling"]["status"]) != ("True", "True")


def test_a_spec_that_nobody_looked_at_is_in_progress_though_the_old_one_is_ready() -> None:
    pipeline = stored(SCENES[0])
    pipeline["metadata"] = {**pipeline["metadata"], "generation": 2}

    assert kstatus(pipeline) == "InProgress"
    assert kubectl_waits(pipeline)


def test_a_pipeline_that_is_being_deleted_is_terminating() -> None:
    pipeline = stored(SCENES[0])
    pipeline["metadata"] = {**pipeline["metadata"], "deletionTimestamp": NOW}

    assert kstatus(pipeline) == "Terminating"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_pipeline_counts_under_one_state(scene: Scene) -> None:
    states = {"Current": {"Ready"}, "Failed": {"Stalled"}, "InProgress": {"Reconciling", "NotReady", "Unknown"}}

    assert state_of(stored(scene)) in states[scene.kstatus]
    assert state_of(stored(scene)) in STATES


def test_a_pipeline_without_a_status_counts_as_unknown() -> None:
    assert state_of(observed().pipeline) == "Unknown"


def test_a_mended_pipeline_is_current_again() -> None:
    for scene in SCENES:
        if scene.seen.pipeline["spec"]["lifecycle"]["state"] == "Running":
            mended = then(scene.seen, observed(pipeline={**observed().pipeline}))

            assert kstatus({**mended.pipeline, "status": status(mended, NOW)}) == "Current", scene.name
