"""What holds for every status: the schema takes it, and an unchanged world gives the same bytes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.operator.status.scenes import PROBLEM, REFUSED_PODS, SCENES, UNSCHEDULABLE, Scene
from tests.unit.operator.status.world import (
    LATER,
    NOW,
    PROCESSES,
    conditions,
    crashing,
    deployment,
    observed,
    overdue,
    pipeline,
    pod,
    rolling,
    scaler,
    waiting,
)

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import CONDITIONS, STATUS_SCHEMA, Observed, Probe, Report, status

STATES = ("Unknown", "Reachable", "Unreachable", "Mismatch", "Refused")
PROBES = st.builds(Probe, st.sampled_from(STATES), st.sampled_from(["", "found a, expected b"]))
REPORTS = st.builds(
    Report,
    queue=PROBES,
    vectors=PROBES,
    dead_letters=st.none() | st.integers(0, 10**8),
    backlog=st.none() | st.integers(0, 10**8),
    collection=st.sampled_from(["", "media_g1"]),
    alias=st.sampled_from(["", "media"]),
    dimension=st.none() | st.integers(1, 32_768),
    model=st.sampled_from(["", "tiny@sha256:1"]),
)
DEPLOYMENTS = st.dictionaries(
    st.sampled_from([process.name for process in PROCESSES]),
    st.sampled_from(
        [deployment(), deployment(desired=0), deployment(available=0), rolling(), overdue(conditions=[REFUSED_PODS])]
    ),
)
CONTAINERS = st.sampled_from([{}, crashing(), waiting("ErrImagePull"), waiting("CreateContainerConfigError", "no")])
PODS = st.lists(
    st.builds(lambda container: pod(container=container), CONTAINERS)
    | st.just(pod("worker", phase="Pending", conditions=[UNSCHEDULABLE]))
)
OBSERVED = st.builds(
    Observed,
    pipeline=st.builds(
        pipeline,
        generation=st.integers(1, 3),
        mode=st.sampled_from(["HPA", "KEDA", "None"]),
        state=st.sampled_from(["Running", "Paused"]),
    ),
    problems=st.sampled_from([(), (PROBLEM,)]),
    processes=st.sampled_from([(), PROCESSES]),
    deployments=DEPLOYMENTS,
    autoscalers=st.sampled_from([{}, {"image": scaler()}, {"image": scaler("False", "FailedGetScale")}]),
    pods=PODS,
    report=REPORTS,
    paused=st.booleans(),
)


def faults(value: Any, schema: dict[str, Any], path: str = "status") -> list[str]:  # noqa: ANN401  # JSON
    """What a structural schema does not take, unknown fields included, which an API server would drop."""
    found: list[str] = []
    match schema["type"]:
        case "object":
            properties = schema["properties"]
            found += [f"{path}.{name}: unknown" for name in value.keys() - properties.keys()]
            found += [f"{path}.{name}: missing" for name in set(schema.get("required", ())) - value.keys()]
            for name in value.keys() & properties.keys():
                found += faults(value[name], properties[name], f"{path}.{name}")
        case "array":
            (key,) = schema["x-kubernetes-list-map-keys"]
            unique = len({each[key] for each in value}) == len(value)
            found += [] if unique and len(value) <= schema["maxItems"] else [f"{path}: too long, or one twice"]
            found += [fault for each in value for fault in faults(each, schema["items"], f"{path}[{each[key]}]")]
        case "string":
            fits = isinstance(value, str) and re.search(schema.get("pattern", ""), value)
            fits = fits and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
            found += [] if fits and value in schema.get("enum", [value]) else [f"{path}: {value!r}"]
        case "integer":
            fits = type(value) is int and schema["minimum"] <= value <= schema.get("maximum", value)
            found += [] if fits else [f"{path}: {value!r}"]
    return found


def again(seen: Observed, document: Manifest) -> Observed:
    """The same world, with that status in it."""
    return replace(seen, pipeline={**seen.pipeline, "status": document})


@given(OBSERVED)
def test_an_unchanged_world_gives_the_same_bytes(seen: Observed) -> None:
    first = status(seen, NOW)

    assert json.dumps(status(again(seen, first), LATER)) == json.dumps(first)
    assert json.dumps(status(seen, NOW)) == json.dumps(first)


@given(OBSERVED, OBSERVED)
@settings(max_examples=200)
def test_after_any_other_world_too(before: Observed, seen: Observed) -> None:
    first = status(again(seen, status(before, NOW)), NOW)

    assert json.dumps(status(again(seen, first), LATER)) == json.dumps(first)


@given(OBSERVED, OBSERVED)
def test_a_time_changes_exactly_with_the_condition_s_status(before: Observed, seen: Observed) -> None:
    first = status(before, NOW)
    was, now = conditions(first), conditions(status(again(seen, first), LATER))

    for name in CONDITIONS:
        changed = was[name]["status"] != now[name]["status"]
        assert now[name]["lastTransitionTime"] == (LATER if changed else NOW), name


@given(OBSERVED, st.randoms())
def test_the_order_in_which_pods_are_known_does_not_matter(seen: Observed, random: Any) -> None:  # noqa: ANN401  # Random
    pods = list(seen.pods)
    random.shuffle(pods)
    turned = replace(
        seen,
        pods=pods,
        deployments=dict(reversed([*seen.deployments.items()])),
        autoscalers=dict(reversed([*seen.autoscalers.items()])),
    )

    assert status(turned, NOW) == status(seen, NOW)


@given(OBSERVED)
def test_the_schema_takes_every_status(seen: Observed) -> None:
    assert faults(status(seen, NOW), STATUS_SCHEMA) == []


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_schema_takes_the_status_of_every_scene(scene: Scene) -> None:
    assert faults(status(scene.seen, NOW), STATUS_SCHEMA) == []


def test_the_schema_describes_and_bounds_every_field() -> None:
    def walk(schema: dict[str, Any], path: str) -> list[str]:
        bounds = {"string": {"maxLength", "enum", "format"}, "integer": {"minimum"}, "array": {"maxItems"}}
        wrong = [] if bounds.get(schema["type"], {"properties"}) & schema.keys() else [f"{path}: unbounded"]
        inner = schema.get("items", schema).get("properties", {}).items()
        wrong += [f"{path}.{name}: no description" for name, each in inner if not each.get("description")]
        return wrong + [fault for name, each in inner for fault in walk(each, f"{path}.{name}")]

    assert walk(STATUS_SCHEMA, "status") == []


def test_no_message_has_a_pod_s_name_in_it() -> None:
    for scene in SCENES:
        assert "x7k2p" not in json.dumps(status(scene.seen, NOW)), scene.name


def test_the_times_are_those_that_were_given() -> None:
    document = status(observed(), NOW)

    assert {each["lastTransitionTime"] for each in document["conditions"]} == {NOW}
