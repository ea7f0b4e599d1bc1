"""What holds of every plan, whatever the pipeline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hypothesis import given, settings
from tests.unit.operator.plan.anything import pipelines
from tests.unit.operator.plan.looking import ANY, of, planned
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe.runtimes.stage_clients import Endpoints
from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import (
    AUTOSCALER,
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SCALED_OBJECT,
    SERVICE,
    SERVICE_ACCOUNT,
    kind_of,
    ref_of,
)
from mmpipe_operator.plan import plan

LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner) if inner or not isinstance(inner, dict | list) else [inner]
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_every_process_has_its_objects(any_pipeline: MultimodalPipeline) -> None:
    manifests = planned(any_pipeline)

    wanted = {names.child(any_pipeline.metadata.name, each.name) for each in plan(any_pipeline, ANY).processes}
    for kind in (DEPLOYMENT, DISRUPTION_BUDGET, NETWORK_POLICY):
        assert of(kind, manifests).keys() == wanted
    assert of(SERVICE, manifests).keys() == wanted | {names.child(any_pipeline.metadata.name, "gateway-headless")}
    assert {name[:-11] for name in of(CONFIG_MAP, manifests) if not name.endswith("-scaler")} == wanted
    assert len(of(SERVICE_ACCOUNT, manifests)) == 1


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_replicas_have_one_owner(any_pipeline: MultimodalPipeline) -> None:
    manifests = planned(any_pipeline)
    deployments = of(DEPLOYMENT, manifests)

    paused = any_pipeline.spec.lifecycle.state == "Paused"
    for deployment in deployments.values():
        assert deployment["spec"].get("replicas", "left alone") == (0 if paused else "left alone")
    scaled = {"HPA": AUTOSCALER, "KEDA": SCALED_OBJECT}.get(any_pipeline.spec.scaling.mode)
    for kind in (AUTOSCALER, SCALED_OBJECT):
        assert of(kind, manifests).keys() == (deployments.keys() if kind is scaled and not paused else set())


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_names_are_dns_labels_and_no_two_objects_share_one(any_pipeline: MultimodalPipeline) -> None:
    manifests = planned(any_pipeline)

    refs = [ref_of(each) for each in manifests]
    assert len(set(refs)) == len(refs)
    for ref in refs:
        assert LABEL.fullmatch(ref.name)
        assert len(ref.name) <= (64 if ref.kind is CONFIG_MAP else 63), "a ConfigMap's name may have 253"


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_selectors_are_the_three_fixed_labels(any_pipeline: MultimodalPipeline) -> None:
    manifests = planned(any_pipeline)

    for name, deployment in of(DEPLOYMENT, manifests).items():
        process = deployment["metadata"]["labels"][names.COMPONENT_LABEL]
        selector = names.selector(any_pipeline.metadata.name, process)
        assert deployment["spec"]["selector"] == {"matchLabels": selector}
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        assert of(SERVICE, manifests)[name]["spec"]["selector"] == selector
        assert of(DISRUPTION_BUDGET, manifests)[name]["spec"]["selector"] == {"matchLabels": selector}
        assert of(NETWORK_POLICY, manifests)[name]["spec"]["podSelector"] == {"matchLabels": selector}


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_every_object_is_owned_by_the_pipeline(any_pipeline: MultimodalPipeline) -> None:
    for each in planned(any_pipeline):
        (owner,) = each["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["kind"]) == (ANY.uid, True, names.KIND)
        assert each["metadata"]["namespace"] == "team"
        assert each["metadata"]["labels"][names.PIPELINE_LABEL] == any_pipeline.metadata.name


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_a_plan_is_the_same_each_time_and_in_order(any_pipeline: MultimodalPipeline) -> None:
    manifests = planned(any_pipeline)

    assert json.dumps(manifests) == json.dumps(planned(MultimodalPipeline.model_validate(any_pipeline.model_dump())))
    places = [CHILDREN.index(kind_of(each)) for each in manifests]
    assert places == sorted(places)


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_nothing_is_written_that_the_api_server_would_leave_out(any_pipeline: MultimodalPipeline) -> None:
    for each in planned(any_pipeline):
        spec = each.get("spec", {})
        empty = [leaf for leaf in leaves(spec) if leaf in (None, "", []) and not isinstance(leaf, bool | int)]
        assert not empty, each["kind"]


def test_services_are_called_as_the_runtimes_look_for_them() -> None:
    for topology, services in (("PerModality", ["image", "fuse"]), ("PerStage", ["image.decode", "image.clean"])):
        given_pipeline = pipeline(f"\n  topology: {topology}\n")
        found = plan(given_pipeline, CONTEXT)
        endpoints = {each.endpoint for each in found.processes}
        for service in services:
            address = Endpoints.parse((), given_pipeline).of(service).removeprefix("dns:///")
            assert address in endpoints
            name, _, port = address.replace(".team", "").partition(":")
            planned_service = of(SERVICE, found.manifests)[name]
            assert planned_service["spec"]["clusterIP"] == "None", "gRPC must see every replica"
            assert int(port) in [each["port"] for each in planned_service["spec"]["ports"]]


def test_scenes_do_not_share_what_they_are_made_of() -> None:
    """Somebody who changes one manifest must not change another."""
    first, second = (SCENES["one-modality"].manifests for _ in range(2))
    for each in first:
        each["metadata"]["labels"].clear()

    assert all(each["metadata"]["labels"] for each in second)
