from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.operator.status.scenes import OF_ZERO, PROBLEM, SCENES, UNSCHEDULABLE, Scene
from tests.unit.operator.status.world import (
    KNOWN,
    NOW,
    after,
    crashing,
    deployment,
    observed,
    overdue,
    pipeline,
    pod,
    report,
    rolling,
    scaler,
    then,
    waiting,
)

from mmpipe.spec import Problem
from mmpipe_operator.kinds import DEPLOYMENT, Ref
from mmpipe_operator.status import CONDITIONS, REASONS, Fault, Probe, Report, status

BY_NAME = {scene.name: scene for scene in SCENES}
PODS = "-n default -l app.kubernetes.io/instance=media,app.kubernetes.io/component=image"
AWAY = Probe("Unreachable", "http://milvus:19530: no answer")


@pytest.mark.parametrize(
    ("scene", "condition", "expected", "reason"),
    [
        ("serving", "SpecValid", "True", "Valid"),
        ("invalid from the start", "SpecValid", "False", "InvalidSpec"),
        ("reconciling paused from the start", "SpecValid", "Unknown", "NotKnown"),
        ("serving", "StagesAvailable", "True", "AllAvailable"),
        ("scaled to zero for want of work", "StagesAvailable", "True", "AllAvailable"),
        ("a rolling update", "StagesAvailable", "True", "AllAvailable"),
        ("the first rollout", "StagesAvailable", "False", "StageStarting"),
        ("the last replica crashes", "StagesAvailable", "False", "StagesUnavailable"),
        ("late: nobody knows why", "StagesAvailable", "False", "StagesUnavailable"),
        ("late: CrashLoopBackOff", "StagesAvailable", "False", "StagesUnavailable"),
        ("paused", "StagesAvailable", "False", "Paused"),
        ("invalid from the start", "StagesAvailable", "Unknown", "NotKnown"),
        ("invalid while the old one runs", "StagesAvailable", "True", "AllAvailable"),
        ("serving", "QueueReachable", "True", "Reachable"),
        ("nobody asked yet", "QueueReachable", "Unknown", "NotKnown"),
        ("neighbour: QueueUnreachable", "QueueReachable", "False", "QueueUnreachable"),
        ("neighbour: QueueRefused", "QueueReachable", "False", "QueueRefused"),
        ("invalid while the old one runs", "QueueReachable", "True", "Reachable"),
        ("serving", "VectorStoreReachable", "True", "Reachable"),
        ("neighbour: VectorStoreMismatch", "VectorStoreReachable", "False", "VectorStoreMismatch"),
        ("serving", "ScalingActive", "True", "ScaledByMetrics"),
        ("nobody scales", "ScalingActive", "False", "AutoscalingOff"),
        ("KEDA scales", "ScalingActive", "Unknown", "KedaInCharge"),
        ("paused", "ScalingActive", "False", "Paused"),
        ("no metrics", "ScalingActive", "False", "MetricsMissing"),
        ("an autoscaler rests", "ScalingActive", "False", "ScalingDisabled"),
        ("serving", "DeadLettersPresent", "False", "NoDeadLetters"),
        ("dead letters", "DeadLettersPresent", "True", "DeadLetters"),
        ("nobody asked yet", "DeadLettersPresent", "Unknown", "NotKnown"),
        ("serving", "Degraded", "False", "AsDesired"),
        ("a replica of three crashes", "Degraded", "True", "ReplicasFailing"),
        ("the last replica crashes", "Degraded", "True", "ReplicasFailing"),
        ("late: nobody knows why", "Degraded", "True", "ReplicasFailing"),
        ("neighbour: VectorStoreUnreachable", "Degraded", "True", "NeighbourAway"),
        ("an autoscaler has just scaled up", "Degraded", "False", "AsDesired"),
        ("a rolling update with a wrong image", "Degraded", "False", "AsDesired"),
        ("paused", "Degraded", "False", "Paused"),
        ("invalid from the start", "Degraded", "Unknown", "NotKnown"),
        ("serving", "Stalled", "False", "AsDesired"),
        ("somebody paused a rollout", "Stalled", "True", "DeploymentPaused"),
        ("serving", "Reconciling", "False", "UpToDate"),
        ("a rolling update", "Reconciling", "True", "RolloutInProgress"),
        ("the last replica is replaced", "Reconciling", "True", "StageStarting"),
        ("the last replica crashes", "Reconciling", "False", "UpToDate"),
        ("neighbour: QueueUnreachable", "Reconciling", "False", "UpToDate"),
        ("nobody asked yet", "Reconciling", "True", "AwaitingNeighbours"),
        ("pausing", "Reconciling", "True", "PausePending"),
        ("invalid from the start", "Reconciling", "False", "Stalled"),
        ("reconciling paused", "Reconciling", "False", "ReconcilePaused"),
    ],
)
def test_a_condition_says_what_is_the_case(scene: str, condition: str, expected: str, reason: str) -> None:
    told = after(BY_NAME[scene].seen)[condition]

    assert (told["status"], told["reason"]) == (expected, reason)


def test_every_reason_of_the_catalogue_can_be_the_case_and_no_other() -> None:
    used = {told["reason"] for scene in SCENES for told in after(scene.seen).values()}

    assert used == REASONS.keys()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_condition_is_there_in_order_and_about_a_generation(scene: Scene) -> None:
    document = status(scene.seen, NOW)

    assert [each["type"] for each in document["conditions"]] == list(CONDITIONS)
    assert {each["observedGeneration"] for each in document["conditions"]} == {document["observedGeneration"]}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_condition_says_why(scene: Scene) -> None:
    assert all(len(told["message"]) > 10 for told in after(scene.seen).values())


def test_a_catalogued_condition_is_good_exactly_while_all_is_well() -> None:
    assert {name: told["status"] for name, told in after(observed()).items()} == {
        entry.name: entry.good for entry in CONDITIONS.values()
    }


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (
            waiting("CreateContainerConfigError", 'secret "nats-auth" not found'),
            'found that container image lacks something (secret "nats-auth" not found); create what the message names',
        ),
        (
            waiting("ImagePullBackOff", "Back-off pulling image"),
            "found that image mmpipe:1 of container image can't be pulled; correct the image's name or the pull secret",
        ),
        (
            crashing(137, "OOMKilled"),
            f"found that container image ends with OOMKilled; read its last words: kubectl logs --previous {PODS}",
        ),
    ],
)
def test_a_late_rollout_tells_what_its_pods_lack_and_the_remedy(container: dict[str, object], message: str) -> None:
    assert (
        after(observed(image=overdue(), pods=[pod(container=container)]))["Stalled"]["message"] == f"image: {message}"
    )


def test_an_invalid_spec_names_field_found_expected_and_remedy() -> None:
    assert after(observed(problems=(PROBLEM,)))["Ready"]["message"] == str(PROBLEM)


def test_of_many_problems_three_are_told() -> None:
    problems = tuple(Problem(f"spec.field{number}", "a", "b", "change it") for number in range(7))

    message = after(observed(problems=problems))["Ready"]["message"]

    assert "spec.field2" in message
    assert "spec.field3" not in message
    assert message.endswith("And 4 more")


def test_a_message_is_bounded() -> None:
    fault = Fault(Ref(DEPLOYMENT, "default", "media-image"), "Invalid", "x" * 5_000)

    assert len(after(observed(faults=(fault,)))["Stalled"]["message"]) == 1_024


def test_a_refusal_names_the_object_and_what_was_said() -> None:
    fault = Fault(Ref(DEPLOYMENT, "default", "media-image"), "Forbidden", "exceeded quota: small")

    message = after(observed(faults=(fault,)))["Stalled"]["message"]

    assert message.startswith("Deployment default/media-image: exceeded quota: small; grant")


def test_why_no_node_takes_a_pod_is_told_without_numbers_of_nodes() -> None:
    pods = [pod(phase="Pending", conditions=[UNSCHEDULABLE], containerStatuses=[])]

    message = after(observed(image=overdue(), pods=pods))["Stalled"]["message"]

    assert "no node takes a pod (Insufficient cpu, node(s) had untolerated taint {gpu: })" in message


def test_dead_letters_are_told_by_order_of_magnitude_with_the_command() -> None:
    told = after(observed(report=report(dead_letters=12)))["DeadLettersPresent"]

    assert told["message"] == (
        "found 10-99 dead letters, expected none; list and redrive them: kubectl mmpipe deadletters media -n default"
    )


def test_a_rolling_update_tells_already_what_is_in_its_way() -> None:
    seen = observed(image=rolling(), pods=[pod(container=waiting("ErrImagePull"))])

    assert "image mmpipe:1 of container image can't be pulled" in after(seen)["Ready"]["message"]


def test_a_gap_in_the_metrics_is_told_by_scaling_alone() -> None:
    gap = observed(autoscalers={"image": scaler("False", "FailedGetObjectMetric", "no such metric")})
    whole, told = after(observed()), after(gap)

    assert {name for name in CONDITIONS if whole[name] != told[name]} == {"ScalingActive"}
    assert "found FailedGetObjectMetric (no such metric)" in told["ScalingActive"]["message"]


@pytest.mark.parametrize(
    ("mode", "autoscaler", "expected"),
    [
        ("HPA", scaler("False", "ScalingDisabled", ScaledToZero="True"), "True"),
        ("KEDA", scaler("False", "ScalingDisabled"), "True"),
        ("KEDA", scaler("False", "FailedGetExternalMetric"), "False"),
        ("HPA", scaler(AbleToScale="False"), "False"),
        ("HPA", {"metadata": {"name": "new"}, "status": {}}, "Unknown"),
    ],
)
def test_autoscaling_is_active_as_the_autoscalers_say(mode: str, autoscaler: dict[str, object], expected: str) -> None:
    seen = observed(pipeline=pipeline(mode=mode), autoscalers={"image": autoscaler})

    assert after(seen)["ScalingActive"]["status"] == expected


def test_an_autoscaler_that_may_not_go_to_zero_is_told_with_what_to_do() -> None:
    told = after(observed(autoscalers={"gateway": scaler("True", "ValidMetricFound")}, faults=(OF_ZERO,)))

    assert told["ScalingActive"]["reason"] == "ScaleToZeroRefused"
    assert told["Stalled"]["message"] == told["ScalingActive"]["message"]
    assert "media-image" in told["Stalled"]["message"]
    assert "set `minReplicas` to 1" in told["Stalled"]["message"]
    assert told["StagesAvailable"]["status"] == "True"


def test_a_paused_pipeline_needs_no_neighbour() -> None:
    stopped = {each: deployment(desired=0) for each in ("gateway", "worker", "image")}
    seen = observed(pipeline=pipeline(state="Paused"), deployments=stopped, report=report(queue=AWAY, vectors=AWAY))

    assert after(seen)["Ready"]["reason"] == "Paused"
    assert after(seen)["Degraded"]["status"] == "False"
    assert after(seen)["QueueReachable"]["status"] == "False"


@pytest.mark.parametrize(("before", "now"), [("Running", "Paused"), ("Paused", "Running")])
@pytest.mark.parametrize("why", [{"paused": True}, {"problems": (PROBLEM,)}])
def test_a_state_that_was_not_planned_is_not_what_is_reported(before: str, now: str, why: dict[str, Any]) -> None:
    stopped = {each: deployment(desired=0) for each in ("gateway", "worker", "image")}
    first = observed(pipeline=pipeline(state=before), **({"deployments": stopped} if before == "Paused" else {}))
    second = replace(first, pipeline=pipeline(generation=2, state=now), processes=(), report=Report(), **why)

    assert after(then(first, second))["StagesAvailable"] | {"observedGeneration": 1} == after(first)["StagesAvailable"]


def test_a_paused_pipeline_is_not_stalled_by_a_neighbour() -> None:
    refused = report(vectors=Probe("Refused", "wrong token"))

    assert after(observed(pipeline=pipeline(state="Paused"), report=refused))["Stalled"]["status"] == "False"


def test_a_rollout_in_time_is_no_degradation_though_replicas_are_few() -> None:
    seen = observed(image=rolling(desired=3, replicas=3, available=2), pods=[pod(container=crashing())])

    assert after(seen)["Degraded"]["status"] == "False"


def test_autoscalers_are_told_in_the_order_of_their_processes() -> None:
    gap, rest = scaler("False", "FailedGetObjectMetric"), scaler("False", "ScalingDisabled")

    told = [after(observed(autoscalers=each)) for each in ({"a": gap, "b": rest}, {"b": rest, "a": gap})]

    assert told[0]["ScalingActive"] == told[1]["ScalingActive"]


def test_dead_letters_that_cant_be_counted_are_not_known() -> None:
    seen = then(observed(report=report(dead_letters=12)), observed(report=report(dead_letters=None)))

    assert after(seen)["DeadLettersPresent"]["status"] == "Unknown"


def test_a_restarted_operator_says_what_was_said_until_it_has_asked() -> None:
    before = status(observed(report=report(dead_letters=12, vectors=AWAY)), NOW)
    seen = observed(pipeline=pipeline(status=before), report=Report())

    assert status(seen, "2026-11-24T12:00:00Z") == before


def test_another_spec_may_have_another_queue_which_nobody_has_asked() -> None:
    seen = then(observed(), observed(pipeline=pipeline(generation=2), report=Report()))

    assert after(seen)["QueueReachable"]["status"] == "Unknown"


def test_while_reconciling_is_paused_pods_are_still_observed() -> None:
    seen = then(
        observed(), observed(processes=(), report=Report(), paused=True, image=deployment(available=0), pods=[pod()])
    )

    assert after(seen)["StagesAvailable"]["status"] == "False"
    assert after(seen)["Ready"]["status"] == "False"
    assert after(seen)["QueueReachable"]["status"] == "True"


def test_a_spec_that_cant_be_planned_leaves_the_old_one_reported() -> None:
    bad = observed(pipeline=pipeline(generation=2), problems=(PROBLEM,), processes=(), report=Report())
    bad.pipeline["spec"]["modalities"] = [{"name": "text", "embed": {"model": {"uri": "builtin:tiny"}}}]
    before, document = status(observed(), NOW), status(then(observed(), bad), NOW)

    kept = ("stages", "endpoint", "processes", "models", "vectors", "backlog")
    assert {part: document[part] for part in kept} == {part: before[part] for part in kept}
    assert document["observedGeneration"] == 2


def test_a_pod_that_stops_or_has_ended_says_nothing_about_the_stage() -> None:
    leaving, ended = pod(container=crashing()), pod(container=crashing(), phase="Failed")
    leaving["metadata"]["deletionTimestamp"] = NOW

    assert after(observed(image=overdue(), pods=[leaving, ended]))["Stalled"]["reason"] == "ProgressDeadlineExceeded"


def test_a_container_between_two_crashes_is_told_as_one_that_crashes() -> None:
    running = crashing() | {"state": {"running": {"startedAt": NOW}}}
    ended = crashing() | {"state": {"terminated": {"exitCode": 2}}}
    told = [
        after(observed(image=overdue(), pods=[pod(container=each)]))["Stalled"] for each in (crashing(), running, ended)
    ]

    assert told[0] == told[1] == told[2]


def test_a_container_that_starts_for_the_first_time_is_no_failure() -> None:
    starting = {"state": {"running": {"startedAt": NOW}}}
    conditions = [{"type": "ContainersReady", "status": "False", "lastTransitionTime": NOW}]
    seen = observed(image=deployment(available=0), pods=[pod(container=starting, conditions=conditions)])

    assert after(seen)["Reconciling"]["reason"] == "StageStarting"


def test_a_failing_init_container_counts_and_one_that_is_done_does_not() -> None:
    done = {"name": "fetch", "ready": True, "restartCount": 1, "state": {"terminated": {"exitCode": 0}}}
    failing = {"name": "fetch", "ready": False, "restartCount": 2, "state": {"terminated": {"exitCode": 3}}}

    def told(init: dict[str, object]) -> str:
        pods = [pod(initContainerStatuses=[init], containerStatuses=[])]
        return str(after(observed(image=overdue(), pods=pods))["Stalled"]["reason"])

    assert told(done) == "ProgressDeadlineExceeded"
    assert told(failing) == "CrashLoopBackOff"


def test_the_pods_of_other_processes_do_not_count() -> None:
    seen = observed(image=overdue(), pods=[pod("worker", container=crashing())])

    assert after(seen)["Stalled"]["reason"] == "ProgressDeadlineExceeded"


def test_what_is_reported_is_in_the_document() -> None:
    document = status(observed(image=deployment(desired=3, available=2)), NOW)

    assert document["stages"] == "3/3"
    assert document["backlog"] == "1-9"
    assert document["endpoint"] == "media-gateway.default:50050"
    assert document["vectors"] == {"collection": "media_g1", "alias": "media", "dimension": 128}
    assert document["models"] == [{"modality": "image", "uri": "builtin:tiny", "model": "tiny@sha256:0123"}]
    assert document["processes"][2] == {
        "name": "image",
        "ready": 2,
        "desired": 3,
        "updated": 3,
        "endpoint": "media-image.default:50051",
    }


def test_the_digest_of_another_model_is_not_told() -> None:
    document = status(observed(report=report(model="other@sha256:99")), NOW)

    assert document["models"] == [{"modality": "image", "uri": "builtin:tiny"}]


def test_stages_count_those_that_serve() -> None:
    assert status(observed(image=deployment(available=0)), NOW)["stages"] == "2/3"
    assert status(BY_NAME["paused"].seen, NOW)["stages"] == "0/3"
    assert "stages" not in status(BY_NAME["invalid from the start"].seen, NOW)


def test_the_backlog_is_rounded_and_absent_where_the_queue_does_not_answer() -> None:
    backlogs = {
        count: status(observed(report=report(backlog=count)), NOW)["backlog"] for count in (0, 9, 10, 4_321, 10**7)
    }
    away = observed(report=report(backlog=None, queue=AWAY))

    assert backlogs == {0: "0", 9: "1-9", 10: "10-99", 4_321: "1000-9999", 10**7: "1000000+"}
    assert "backlog" not in status(then(observed(), away), NOW)


def test_what_others_have_written_among_the_conditions_is_not_ours() -> None:
    theirs = {"type": "Theirs", "status": "True", "lastTransitionTime": NOW, "reason": "x", "message": ""}
    seen = observed(pipeline=pipeline(status={"conditions": [theirs]}))

    assert "Theirs" not in after(seen)
    assert KNOWN.alias == status(seen, NOW)["vectors"]["alias"]
