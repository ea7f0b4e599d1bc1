"""``kubectl mmpipe explain-scaling``: what a person reads of a process that is scaled, held back, asleep or unread."""

import json
from typing import Any

import pytest
from tests.unit.kubectl_mmpipe.explanation.scenes import (
    ABLE,
    ACTIVE,
    CALLS,
    PROXY,
    QUEUE,
    READ,
    SCALED_OBJECTS,
    STAGE_METRICS,
    Scene,
    autoscaler,
    scaled_object,
)
from tests.unit.kubectl_mmpipe.objects import PIPELINES, condition
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

GOLDEN = """\
default/media  HPA
└── image  2 pods, 2 ready; asked for 6; the autoscaler wants 4
    ├── queue_depth{modality=image}  190 now, target 32 a pod: asks for 6 pods; the autoscaler saw 40.5 a pod
    ├── service_depth{process=image}  62 now, target 32 a pod: near enough, 2 pods stay; the autoscaler saw 4 a pod
    ├── service time  2 s, the mean of 400 items in 2 pods; what waits is gone in about 47.5 s if nothing comes in
    ├── rules  1-8 pods; up 100 % each 15 s or 4 pods each 15 s at once; down 50 % each 60 s after 300 s of calm; \
within 10 % of the target nothing changes
    └── ScaleUpLimit  more are asked for than may come at a time: 100 % each 15 s or 4 pods each 15 s at once; wait
"""


@pytest.fixture
def scene(cluster: Cluster) -> Scene:
    return Scene(cluster)


def explained(mmpipe: Run, *options: str) -> dict[str, Any]:
    (found,) = json.loads(mmpipe("explain-scaling", "media", *options, "--json").out)
    account: dict[str, Any] = found
    return account


def reasons(account: dict[str, Any]) -> dict[str, str]:
    return {each["reason"]: each["message"] for each in account["hindrances"]}


def test_depth_arithmetic_rules_and_what_holds_it_back_are_one_branch(mmpipe: Run, scene: Scene) -> None:
    limited = condition("ScalingLimited", "True", "ScaleUpLimit", "increasing faster than the maximum scale rate")
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, limited, wanted=4, found=READ))
    scene.has_depth(QUEUE, "190")
    scene.has_depth(CALLS, "62")
    scene.pods_say(STAGE_METRICS)

    done = mmpipe("explain-scaling", "media")

    assert done.out == GOLDEN
    assert done.code == 0


def test_json_has_the_numbers_and_o_json_is_the_same(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, found=READ))
    scene.has_depth(QUEUE, "40500m")
    scene.has_depth(CALLS, "3")
    scene.pods_say(STAGE_METRICS)

    account = explained(mmpipe)

    assert account["asks"][0] == {
        "metric": "queue_depth{modality=image}",
        "form": "PerPod",
        "target": 32,
        "depth": 40.5,
        "why": "",
        "seen": 40.5,
        "pods": 2,
        "close": False,  # 40.5 is 0.63 of twice the target
    }
    assert (account["asked"], account["wanted"], account["replicas"]) == (2, 2, 2)
    assert account["service_time"]["seconds"] == 2
    assert account["drain_s"] == 40.5 * 2 / 8  # two pods of four threads
    assert mmpipe("explain-scaling", "media", "-o", "json").out == mmpipe("explain-scaling", "media", "--json").out


def test_a_reading_that_fails_is_unknown_and_never_0(mmpipe: Run, scene: Scene) -> None:
    failed = condition("ScalingActive", "False", "FailedGetObjectMetric", "the queue does not answer")
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, failed))
    away = "Error from server (ServiceUnavailable): queue MMPIPE_default_media: found no answer; see that NATS runs"
    scene.fails(QUEUE, away)
    scene.fails(CALLS, "Error from server (ServiceUnavailable): the server is currently unable to handle the request")

    account = explained(mmpipe)

    queue, calls = account["asks"]
    assert (queue["depth"], queue["pods"], account["asked"]) == (None, None, None)
    assert "ServiceUnavailable: queue MMPIPE_default_media: found no answer; see that NATS runs" in queue["why"]
    assert "found nobody who answers (ServiceUnavailable); expected a metrics adapter; see" in calls["why"]
    assert reasons(account)["FailedGetObjectMetric"].startswith("a reading failed, which is never 0: pods stay")
    assert "unknown" in mmpipe("explain-scaling", "media").out


def test_while_one_of_two_metrics_can_not_be_read_no_pod_is_asked_away(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, found=(READ[0], {"type": ""})))
    scene.has_depth(QUEUE, "10")
    scene.fails(CALLS)

    account = explained(mmpipe)

    assert [ask["pods"] for ask in account["asks"]] == [1, None]
    assert account["asked"] == 2
    unread = reasons(account)["MetricUnread"]
    assert unread == "service_depth{process=image} could not be read: until then no pod is taken away"


def test_a_cluster_without_an_adapter_says_so(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.has_autoscaler(autoscaler(condition("ScalingActive", "False", "FailedGetObjectMetric", "no such API")))
    scene.fails(QUEUE)
    scene.fails(CALLS)

    assert "found nobody who answers (NotFound); expected a metrics adapter" in mmpipe("explain-scaling").out


@pytest.mark.parametrize(
    ("kind", "status", "reason", "says"),
    [
        ("ScalingLimited", "True", "TooManyReplicas", "than the most, 8; raise spec.modalities[name=image].scaling"),
        ("ScalingLimited", "True", "TooFewReplicas", "than the fewest, 1; lower spec.scaling.minReplicas"),
        ("ScalingLimited", "True", "ScaleDownLimit", "than may go at a time: 50 % each 60 s after 300 s of calm; wait"),
        ("AbleToScale", "True", "ScaleDownStabilized", "of the last 300 s the most counts"),
        ("ScaledToZero", "True", "ScaledToZero", "the next sample wakes it within 15 s"),
        ("ScalingActive", "False", "ScalingDisabled", "kubectl scale deployment/media-image -n default --replicas=1"),
        ("AbleToScale", "False", "FailedUpdateScale", "the HPA says why"),
    ],
)
def test_what_holds_it_back_is_said_with_its_numbers_and_the_remedy(
    mmpipe: Run, scene: Scene, kind: str, status: str, reason: str, says: str
) -> None:
    scene.pipeline["spec"]["modalities"] = [{"name": "image", "scaling": {"maxReplicas": 8}}]
    scene.shown()
    conditions = {each["type"]: each for each in (ABLE, ACTIVE, condition(kind, status, reason, "the HPA says why"))}
    scene.has_autoscaler(autoscaler(*conditions.values(), found=READ))

    assert says in reasons(explained(mmpipe))[reason]


def test_limits_of_an_earlier_look_are_not_told_while_readings_fail(mmpipe: Run, scene: Scene) -> None:
    failed = condition("ScalingActive", "False", "FailedGetObjectMetric", "away")
    stale = condition("ScalingLimited", "True", "TooManyReplicas", "from before")
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, failed, stale))

    assert list(reasons(explained(mmpipe))) == ["FailedGetObjectMetric"]


@pytest.mark.parametrize(
    "nonsense", ["-9223372036854775808m", "9223372036854775807m", "0"]
)  # x86, arm64, and NaN there
def test_at_no_pods_the_share_that_kubernetes_stores_is_not_shown(mmpipe: Run, scene: Scene, nonsense: str) -> None:
    slept = condition("ScaledToZero", "True", "ScaledToZero")
    scene.shown()
    scene.has_pods(0)
    found = [{"type": "Object", "object": read["object"] | {"current": {"averageValue": nonsense}}} for read in READ]
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, slept, pods=0, wanted=0, found=tuple(found)))
    scene.has_depth(QUEUE, "1")
    scene.has_depth(CALLS, "0")

    account = explained(mmpipe)

    assert "scales 1-8: 0 now; " in mmpipe("status").out
    assert [ask["seen"] for ask in account["asks"]] == [None, None]
    assert [ask["pods"] for ask in account["asks"]] == [1, 0]
    assert list(reasons(account)) == ["ScaledToZero"]
    assert account["service_time"]["why"] == "no pod is ready"


def test_where_nobody_scales_the_depth_still_says_what_it_would_ask_for(mmpipe: Run, scene: Scene) -> None:
    scene.scaling(mode="None", targetQueueDepth=10)
    scene.shown()
    scene.has_depth(QUEUE, "45")
    scene.has_depth(CALLS, "0")

    account = explained(mmpipe)

    assert (account["scaler"], account["wanted"], account["asked"]) == ("", None, 5)
    assert "kubectl scale deployment/media-image -n default --replicas=N" in reasons(account)["AutoscalingOff"]


def test_an_autoscaler_that_is_not_there_is_explained_by_the_pipelines_conditions(mmpipe: Run, scene: Scene) -> None:
    refused = condition("Stalled", "True", "ChildRefused", "spec.minReplicas: must be greater than or equal to 1")
    conditions = {each["type"]: each for each in (*scene.pipeline["status"]["conditions"], refused)}
    scene.pipeline["status"]["conditions"] = list(conditions.values())
    scene.shown()

    said = reasons(explained(mmpipe))["NoAutoscaler"]

    assert "found no HorizontalPodAutoscaler; expected one; spec.minReplicas: must be greater" in said


def test_a_paused_pipeline_says_that_alone(mmpipe: Run, scene: Scene) -> None:
    scene.pipeline["spec"]["lifecycle"] = {"state": "Paused"}
    scene.shown()

    assert list(reasons(explained(mmpipe))) == ["Paused"]


def test_keda_says_why_it_sleeps_and_how_soon_it_wakes(mmpipe: Run, scene: Scene) -> None:
    scene.scaling(mode="KEDA")
    scene.shown()
    ready, idle = condition("Ready", "True", "ScaledObjectReady"), condition("Active", "False", "ScalerNotActive")
    scene.cluster.has(SCALED_OBJECTS, scaled_object(ready, idle))
    scene.has_autoscaler(_of_keda())
    external = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/s0-metric-api-queue"
    scene.has_depth(f"{external}?labelSelector=scaledobject.keda.sh%2Fname%3Dmedia-image", "12")

    account = explained(mmpipe)

    assert account["scaler"] == "ScaledObject media-image"
    assert account["asks"][0]["depth"] == 12
    pace = "KEDA looks every 5 s, and lets the last pod go after 60 s with nothing to do"
    assert reasons(account) == {"Inactive": f"nothing waits; {pace}"}
    assert account["rules"].endswith(pace)


def _of_keda() -> dict[str, Any]:
    hpa = autoscaler(ABLE, ACTIVE, found=())
    named = {"name": "s0-metric-api-queue", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "media-image"}}}
    goal = {"type": "AverageValue", "averageValue": "32"}
    hpa["spec"]["metrics"] = [{"type": "External", "external": {"metric": named, "target": goal}}]
    current = {"type": "External", "external": {"metric": named, "current": {"averageValue": "6"}}}
    hpa["status"]["currentMetrics"] = [current]
    return hpa


@pytest.mark.parametrize(
    ("conditions", "reason", "says"),
    [
        (
            [condition("Ready", "False", "ScaledObjectCheckFailed", "no such target")],
            "ScaledObjectCheckFailed",
            "no such",
        ),
        ([], "NotObserved", "KEDA has not looked yet"),
        ([condition("Fallback", "True", "FallbackExists")], "Fallback", "3 pods, as spec.scaling.keda.fallback says"),
        (
            [condition("Paused", "True", "ScaledObjectPaused")],
            "Paused",
            "take its annotations autoscaling.keda.sh/paused*",
        ),
    ],
)
def test_what_keeps_keda_from_scaling_is_told(
    mmpipe: Run, scene: Scene, conditions: list[dict[str, Any]], reason: str, says: str
) -> None:
    scene.scaling(mode="KEDA")
    scene.shown()
    scene.cluster.has(SCALED_OBJECTS, scaled_object(*conditions, fallback={"replicas": 3}))

    assert says in reasons(explained(mmpipe))[reason]


def test_who_may_not_ask_pods_gets_everything_but_the_service_time(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, found=READ))
    scene.has_depth(QUEUE, "80")
    scene.has_depth(CALLS, "0")
    forbidden = (
        'Error from server (Forbidden): pods "media-image-0" is forbidden: User "jane" cannot get resource "pods/proxy"'
        ' in API group "" in the namespace "default"'
    )
    for name in ("media-image-0", "media-image-1"):
        scene.fails(PROXY.format(name), forbidden)

    account = explained(mmpipe)

    assert account["asked"] == 3
    assert account["service_time"]["seconds"] is None
    assert "jane may not get them in namespace default" in account["service_time"]["why"]


def test_half_an_answer_of_a_pod_is_no_service_time(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.pods_say(STAGE_METRICS[:-40])

    assert "expected a name, labels and a value" in explained(mmpipe)["service_time"]["why"]


def test_an_answer_that_is_no_list_of_values_is_unknown(mmpipe: Run, scene: Scene) -> None:
    scene.shown()
    scene.has_autoscaler(autoscaler(ABLE, ACTIVE, found=READ))
    scene.cluster.answer("get", "--raw", QUEUE, out="<html>")
    scene.cluster.answer("get", "--raw", CALLS, out='{"items": []}')

    queue, calls = explained(mmpipe)["asks"]

    assert (queue["depth"], calls["depth"]) == (None, None)
    assert queue["why"].startswith("found '<html>'; expected a list of metric values")
    assert calls["why"] == "found 0 numbers in 0 values; expected one in each"


def test_one_process_is_chosen_and_a_mistyped_one_is_told(mmpipe: Run, scene: Scene) -> None:
    scene.pipeline["status"]["processes"].append({"name": "worker"})
    scene.shown()

    chosen = json.loads(mmpipe("explain-scaling", "--process", "worker", "--json").out)
    mistyped = mmpipe("explain-scaling", "--process", "imgae")

    assert [each["process"] for each in chosen] == ["worker"]
    assert mistyped.code == 2
    assert "process imgae: found image, worker; expected one of these" in mistyped.err


def test_no_pipeline_is_said_as_by_the_other_commands(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES)

    assert (
        mmpipe("explain-scaling", "-n", "team").out
        == "no pipelines in namespace team; -n NAMESPACE looks in another one, -A in all\n"
    )
