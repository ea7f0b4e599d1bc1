from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.names import COMPONENT_LABEL
from mmpipe_operator.plan import plan

KEDA = replace(CONTEXT, apis=frozenset({"keda.sh/v1alpha1"}))


def autoscalers(spec: str, kind: str = "HorizontalPodAutoscaler") -> dict[str, Manifest]:
    found = plan(pipeline(spec), KEDA)
    assert not found.problems
    return {
        each["metadata"]["labels"][COMPONENT_LABEL]: each["spec"] for each in found.manifests if each["kind"] == kind
    }


def signals(autoscaler: Manifest) -> list[tuple[str, dict[str, str]]]:
    metrics = [each["object"]["metric"] for each in autoscaler["metrics"]]
    return [(each["name"], each.get("selector", {}).get("matchLabels", {})) for each in metrics]


def test_each_process_goes_by_what_waits_for_it() -> None:
    found = autoscalers("\n  modalities: [{name: image}]\n")

    assert {process: signals(each) for process, each in found.items()} == {
        "gateway": [("service_depth", {"process": "gateway"})],
        "worker": [("queue_depth", {})],
        "image": [("queue_depth", {"modality": "image"}), ("service_depth", {"process": "image"})],
        "fuse": [("service_depth", {"process": "fuse"})],
    }


def test_metrics_are_of_the_pipeline_and_averaged_over_pods() -> None:
    (metric,) = autoscalers("\n  scaling: {targetQueueDepth: 7}\n")["worker"]["metrics"]

    assert metric["object"]["describedObject"] == {
        "apiVersion": "mmpipe.dev/v1alpha1",
        "kind": "MultimodalPipeline",
        "name": "media",
    }
    assert metric["object"]["target"] == {"type": "AverageValue", "averageValue": "7"}


def test_with_a_process_for_each_stage_all_go_by_the_samples_of_their_modality() -> None:
    found = autoscalers("\n  topology: PerStage\n  modalities: [{name: image}]\n")

    for stage in ("decode", "clean", "embed"):
        assert signals(found[f"image-{stage}"]) == [
            ("queue_depth", {"modality": "image"}),
            ("service_depth", {"process": f"image-{stage}"}),
        ]


def test_what_scales_to_zero_is_woken_by_the_queue_and_the_gateway_stays() -> None:
    found = autoscalers("\n  scaling: {minReplicas: 0}\n  modalities: [{name: image}]\n")

    assert {process: each["minReplicas"] for process, each in found.items()} == {
        "gateway": 1,
        "worker": 0,
        "image": 0,
        "fuse": 0,
    }
    for process in ("worker", "image", "fuse"):
        assert "queue_depth" in dict(signals(found[process]))


def test_bounds_of_ones_own_come_before_the_common_ones() -> None:
    found = autoscalers(
        "\n  scaling: {minReplicas: 2, maxReplicas: 6}\n  worker: {scaling: {maxReplicas: 9}}\n"
        "  modalities: [{name: image, scaling: {minReplicas: 0, targetQueueDepth: 5}}]\n"
    )

    bounds = {process: (each["minReplicas"], each["maxReplicas"]) for process, each in found.items()}
    assert bounds == {"gateway": (2, 6), "worker": (2, 9), "image": (0, 6), "fuse": (2, 6)}
    assert found["image"]["metrics"][0]["object"]["target"]["averageValue"] == "5"


def test_replicas_come_fast_and_go_slowly() -> None:
    for mode, kind in (("HPA", "HorizontalPodAutoscaler"), ("KEDA", "ScaledObject")):
        found = autoscalers(f"\n  scaling: {{mode: {mode}}}\n", kind)["worker"]
        if mode == "KEDA":
            found = found["advanced"]["horizontalPodAutoscalerConfig"]
        up, down = found["behavior"]["scaleUp"], found["behavior"]["scaleDown"]
        assert (up["stabilizationWindowSeconds"], down["stabilizationWindowSeconds"]) == (0, 300)
        assert {(each["type"], each["value"], each["periodSeconds"]) for each in up["policies"]} == {
            ("Percent", 100, 15),
            ("Pods", 4, 15),
        }
        assert down["policies"] == [{"type": "Percent", "value": 50, "periodSeconds": 60}]


@pytest.mark.parametrize(("mode", "kind"), [("HPA", "HorizontalPodAutoscaler"), ("KEDA", "ScaledObject")])
def test_how_long_calm_must_last_is_the_specs_and_the_processs_own_comes_first(mode: str, kind: str) -> None:
    found = autoscalers(
        f"\n  scaling: {{mode: {mode}, scaleDownStabilizationSeconds: 60}}\n"
        "  worker: {scaling: {scaleDownStabilizationSeconds: 0}}\n",
        kind,
    )

    if mode == "KEDA":
        found = {name: each["advanced"]["horizontalPodAutoscalerConfig"] for name, each in found.items()}
    calm = {name: each["behavior"]["scaleDown"]["stabilizationWindowSeconds"] for name, each in found.items()}
    assert calm == {**dict.fromkeys(found, 60), "worker": 0}


def test_keda_asks_the_gateway_for_the_depth_of_the_queue() -> None:
    spec = "\n  scaling: {mode: KEDA, targetQueueDepth: 9}\n  modalities: [{name: image}, {name: text}]\n"
    found = autoscalers(spec, "ScaledObject")

    (image,) = found["image"]["triggers"]
    assert image["metadata"] == {
        "url": "http://media-gateway-headless.team.svc:9464/metrics",
        "format": "prometheus",
        "valueLocation": 'mmpipe_queue_depth{modality="image"}',
        "targetValue": "9",
    }
    for process in ("worker", "fuse"):
        assert [each["name"] for each in found[process]["triggers"]] == ["queue-image", "queue-text"]
    assert [each["type"] for each in found["gateway"]["triggers"]] == ["cpu"]
    assert found["gateway"]["minReplicaCount"] == 1


def test_the_service_that_keda_asks_is_there() -> None:
    services = {each["metadata"]["name"]: each for each in SCENES["keda"].manifests if each["kind"] == "Service"}

    ports = services["media-gateway-headless"]["spec"]["ports"]
    assert ("metrics", 9464) in [(each["name"], each["port"]) for each in ports]


def test_the_pace_of_keda_is_the_specs() -> None:
    spec = (
        "\n  scaling: {mode: KEDA, keda: {pollingIntervalSeconds: 5, cooldownSeconds: 60,"
        " fallback: {failureThreshold: 2, replicas: 3}}}\n"
    )
    found = autoscalers(spec, "ScaledObject")

    assert (found["worker"]["pollingInterval"], found["worker"]["cooldownPeriod"]) == (5, 60)
    assert found["worker"]["fallback"] == {"failureThreshold": 2, "replicas": 3}
    assert "fallback" not in found["gateway"], "KEDA refuses one beside CPU alone"


def test_keda_without_keda_is_a_problem_and_no_plan() -> None:
    found = plan(pipeline("\n  scaling: {mode: KEDA}\n"), CONTEXT)

    assert found.manifests == ()
    (problem,) = found.problems
    assert problem.path == "spec.scaling.mode"
    assert "install KEDA" in problem.remedy


@pytest.mark.parametrize("mode", ["HPA", "KEDA"])
def test_a_paused_pipeline_is_scaled_by_nobody(mode: str) -> None:
    spec = f"\n  scaling: {{mode: {mode}}}\n  lifecycle: {{state: Paused}}\n"

    assert not autoscalers(spec)
    assert not autoscalers(spec, "ScaledObject")
