from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.operator.plan.scenes import KEDA, SCALER, SCENES, pipeline

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.names import COMPONENT_LABEL
from mmpipe_operator.plan import plan


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


def test_keda_asks_our_scaler_for_what_an_hpa_would_ask() -> None:
    scaling = "\n  scaling: {{mode: {}, minReplicas: 0, targetQueueDepth: 9}}\n"
    spec = f"{scaling}  modalities: [{{{{name: image}}}}, {{{{name: text}}}}]\n"
    found = autoscalers(spec.format("KEDA"), "ScaledObject")

    known = {"scalerAddress": SCALER.address, "enableTLS": "true", "pipeline": "media", "targetDepth": "9"}
    asked = {
        process: [each["metadata"] for each in scaled["triggers"] if each["type"] == "external-push"]
        for process, scaled in found.items()
    }
    assert asked == {
        process: [{**known, "metric": name, **labels} for name, labels in signals(autoscaler)]
        for process, autoscaler in autoscalers(spec.format("HPA")).items()
    }
    assert {process: each["minReplicaCount"] for process, each in found.items()} == {
        "gateway": 1,
        **dict.fromkeys(("worker", "image", "text", "fuse"), 0),
    }


def test_kedas_own_autoscaler_has_the_name_that_ours_would_have() -> None:
    for process, scaled in autoscalers("\n  scaling: {mode: KEDA}\n", "ScaledObject").items():
        assert scaled["advanced"]["horizontalPodAutoscalerConfig"]["name"] == f"media-{process}"


def test_keda_knows_our_scaler_by_its_authority() -> None:
    of_kind = {each["kind"]: each for each in SCENES["keda"].manifests if each["metadata"]["name"] == "media-scaler"}

    (target,) = of_kind["TriggerAuthentication"]["spec"]["configMapTargetRef"]
    assert target == {"parameter": "caCert", "name": "media-scaler", "key": "ca.crt"}
    assert of_kind["ConfigMap"]["data"] == {"ca.crt": SCALER.authority}
    for scaled in (each for each in SCENES["keda"].manifests if each["kind"] == "ScaledObject"):
        assert {each["authenticationRef"]["name"] for each in scaled["spec"]["triggers"]} == {"media-scaler"}


def test_the_pace_of_keda_is_the_specs() -> None:
    spec = (
        "\n  scaling: {mode: KEDA, keda: {pollingIntervalSeconds: 5, cooldownSeconds: 60,"
        " fallback: {failureThreshold: 2, replicas: 3}}}\n"
    )
    found = autoscalers(spec, "ScaledObject")

    worker = found["worker"]
    assert (worker["pollingInterval"], worker["cooldownPeriod"], worker["initialCooldownPeriod"]) == (5, 60, 60)
    assert worker["fallback"] == {"failureThreshold": 2, "replicas": 3, "behavior": "currentReplicasIfHigher"}


def test_keda_without_keda_is_a_problem_and_no_plan() -> None:
    found = plan(pipeline("\n  scaling: {mode: KEDA}\n"), replace(KEDA, apis=frozenset()))

    assert found.manifests == ()
    (problem,) = found.problems
    assert problem.path == "spec.scaling.mode"
    assert "install KEDA" in problem.remedy


def test_keda_without_the_metrics_adapter_is_a_problem_and_no_plan() -> None:
    found = plan(pipeline("\n  scaling: {mode: KEDA}\n"), replace(KEDA, scaler=None))

    assert found.manifests == ()
    (problem,) = found.problems
    assert problem.path == "spec.scaling.mode"
    assert "metricsAdapter.enabled" in problem.remedy


@pytest.mark.parametrize("mode", ["HPA", "KEDA"])
def test_a_paused_pipeline_is_scaled_by_nobody(mode: str) -> None:
    spec = f"\n  scaling: {{mode: {mode}}}\n  lifecycle: {{state: Paused}}\n"

    assert not autoscalers(spec)
    assert not autoscalers(spec, "ScaledObject")
    assert not [each for each in plan(pipeline(spec), KEDA).manifests if each["kind"] == "TriggerAuthentication"]
