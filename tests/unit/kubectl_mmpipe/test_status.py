"""``kubectl mmpipe status``: what a person sees of a pipeline, healthy and not."""

import json

from tests.unit.kubectl_mmpipe.objects import HPAS, PIPELINES, autoscaler, condition, deployment, pipeline, pod
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

GOLDEN_READY = """\
default/media  Ready  Available: every process is available
├── processes 2/2
│   ├── gateway  1/1 ready  media-gateway.default:50050
│   └── image  1/1 ready  media-image.default:50051
│       └── scales 1-8: 2 now, wants 3; queue_depth{modality=image} 40.5 of 32 a pod
├── queue  Reachable; backlog 10-99
├── vectors  Reachable; collection media_1, alias media, dimension 128
└── dead letters  None
"""

GOLDEN_STALLED = """\
default/media  Stalled  ImagePullFailed: image can't be started
├── processes 1/2
│   ├── gateway  1/1 ready  media-gateway.default:50050
│   └── image  0/2 ready  media-image.default:50051
│       ├── media-image-1  CrashLoopBackOff: OOMKilled, exit code 137, 5 restarts; \
kubectl logs media-image-1 -n default --previous
│       └── media-image-2  ImagePullBackOff: no such image; kubectl describe pod media-image-2 -n default
├── queue  Unreachable: nats: connection refused
├── vectors  Unknown: not looked at yet; collection media_1, alias media, dimension 128
└── dead letters  Present: 3 dead letters
"""


def test_a_ready_pipeline_is_a_short_tree(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline())
    cluster.has("deployments.apps", deployment("gateway"), deployment("image"))
    cluster.has(HPAS, autoscaler("image", "40500m"))
    cluster.has("pods", pod("media-image-1", "image"))

    done = mmpipe("status")

    assert done.out == GOLDEN_READY
    assert done.code == 0


def test_a_stalled_pipeline_says_what_is_wrong_and_where_to_look(mmpipe: Run, cluster: Cluster) -> None:
    wrong = (
        condition("Ready", "False", "StagesUnavailable", "1 of 2 stages are ready"),
        condition("Stalled", "True", "ImagePullFailed", "image can't be started"),
        condition("QueueReachable", "False", "Unreachable", "nats: connection refused"),
        condition("VectorStoreReachable", ""),
        condition("DeadLettersPresent", "True", "Present", "3 dead letters"),
    )
    killed = {"reason": "OOMKilled", "exitCode": 137}
    crashing = pod("media-image-1", "image", ready=False, restarts=5, waiting={"reason": "CrashLoopBackOff"})
    crashing["status"]["containerStatuses"][0]["lastState"] = {"terminated": killed}
    unpulled = {"reason": "ImagePullBackOff", "message": "no such image"}
    cluster.has(PIPELINES, pipeline("media", *wrong, stages="1/2"))
    cluster.has("deployments.apps", deployment("gateway"), deployment("image", 0, 2))
    cluster.has("pods", crashing, pod("media-image-2", "image", ready=False, waiting=unpulled))

    assert mmpipe("status", "media").out == GOLDEN_STALLED


def test_a_pipeline_whose_old_pods_serve_is_stalled_all_the_same(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline("media", condition("Stalled", "True", "SpecInvalid", "spec.scaling: found 0")))

    assert mmpipe("status").out.startswith("default/media  Stalled  SpecInvalid: spec.scaling: found 0\n")


def test_a_pipeline_that_nobody_has_seen_is_unknown(mmpipe: Run, cluster: Cluster) -> None:
    unseen = pipeline() | {"status": {}}
    cluster.has(PIPELINES, unseen)

    out = mmpipe("status").out

    assert out.startswith("default/media  Unknown  NotObserved: the operator has not seen it yet: does it run?")
    assert "queue  Unknown: not looked at yet" in out


def test_a_new_generation_is_reconciling_whatever_the_old_conditions_say(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline(observedGeneration=2))

    assert "Reconciling  NotObserved: the operator has seen generation 2 and not yet 3" in mmpipe("status").out


def test_a_pipeline_that_is_deleted_says_how_to_let_it_go(mmpipe: Run, cluster: Cluster) -> None:
    going = pipeline()
    going["metadata"] |= {"deletionTimestamp": "2026-07-01T12:00:00Z", "finalizers": ["mmpipe.dev/vectors"]}
    cluster.has(PIPELINES, going)

    out = mmpipe("status").out

    assert out.startswith("default/media  Deleting  since 2026-07-01T12:00:00Z")
    assert "kubectl annotate multimodalpipelines media mmpipe.dev/abandon-vectors=true" in out


def test_both_kinds_of_pause_are_told(mmpipe: Run, cluster: Cluster) -> None:
    paused = pipeline()
    paused["metadata"]["annotations"] = {"mmpipe.dev/reconcile": "Paused"}
    paused["spec"] = {"lifecycle": {"state": "Paused"}}
    cluster.has(PIPELINES, paused)

    out = mmpipe("status").out

    assert "the operator leaves it alone (annotation mmpipe.dev/reconcile: Paused)" in out
    assert "its processes are scaled to zero (spec.lifecycle.state: Paused)" in out


def test_what_may_not_be_read_is_said_and_the_status_stands_in(mmpipe: Run, cluster: Cluster) -> None:
    refusal = (
        'Error from server (Forbidden): deployments.apps is forbidden: User "jane" cannot list resource "deployments"'
        ' in API group "apps" in the namespace "default"'
    )
    cluster.has(PIPELINES, pipeline())
    cluster.answer("get", "deployments.apps", err=refusal)

    done = mmpipe("status")

    assert done.code == 0
    assert "deployments.apps: found that jane may not list them in namespace default" in done.out
    assert "image  1/1 ready  media-image.default:50051  as the pipeline's status has it" in done.out


def test_a_deployment_that_is_gone_is_not_ready(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline())
    cluster.has("deployments.apps", deployment("gateway"))

    image = json.loads(mmpipe("status", "--json").out)[0]["processes"][1]

    assert image["note"] == "its Deployment is not there"


def test_children_of_another_pipeline_are_not_counted(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline(), pipeline("other"))
    cluster.has("deployments.apps", deployment("image", 1, 1), deployment("image", 0, 4, of="other"))

    found = {each["name"]: each["processes"][1] for each in json.loads(mmpipe("status", "--json").out)}

    assert found["media"]["desired"] == 1
    assert found["other"]["desired"] == 4


def test_options_go_to_kubectl_as_they_are(mmpipe: Run, cluster: Cluster) -> None:
    mmpipe("status", "-n", "prod", "--context", "blue", "--kubeconfig", "a b")
    mmpipe("status", "-A")

    first, second = cluster.calls
    assert first[:2] == ["get", PIPELINES]
    assert {"--namespace=prod", "--context=blue", "--kubeconfig=a b"} <= set(first)
    assert "--all-namespaces" in second


def test_markup_of_strangers_is_text(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline("media", condition("Stalled", "True", "Bad", "[red]not red[/red]\x1b[31m")))

    assert "[red]not red[/red]\\x1b[31m" in mmpipe("status").out


def test_no_pipelines_says_where_to_look(mmpipe: Run) -> None:
    assert mmpipe("status", "-n", "prod").out == (
        "no pipelines in namespace prod; -n NAMESPACE looks in another one, -A in all\n"
    )
