"""From ``kubectl apply`` to Ready, and from one spec to the next."""

import uuid

import pytest
from e2e.cluster.audit import AuditLog, writes
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.operators import Operators
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import OWNED, Pipeline, Stores

from mmpipe_operator import names
from mmpipe_operator.kinds import AUTOSCALER, CONFIG_MAP, SECRET, SERVICE, Manifest

PROCESSES = {"gateway", "worker", "image", "fuse"}


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    """Not applied yet; nobody listens at its neighbours' addresses."""
    return Pipeline(cluster, namespace, "media")


@pytest.fixture
def connected(cluster: Cluster, namespace: str, nats_url: str, milvus_uri: str) -> Pipeline:
    """Not applied yet; its queue and its Milvus are real."""
    own = f"media-{uuid.uuid4().hex[:6]}"  # a collection in Milvus belongs to one pipeline
    return Pipeline(cluster, namespace, own, Stores(nats_url, milvus_uri))


def test_an_applied_pipeline_gets_all_its_objects_and_becomes_ready_once_its_pods_are(
    connected: Pipeline, operator: Operators, kubelet: Kubelet, kubectl: Tool
) -> None:
    kubelet.treat(connected.namespace, Behaviour.UNREADY)
    operator()
    connected.apply()

    connected.wait("Ready", "False", "RolloutInProgress")
    assert {ref.kind for ref in connected.children()} == set(OWNED)
    assert connected.condition("Reconciling")["status"] == "True"
    assert connected.condition("StagesAvailable")["status"] == "False"

    kubelet.treat(connected.namespace, Behaviour.READY)
    kubectl("-n", connected.namespace, "wait", f"mmp/{connected.name}", "--for=condition=Ready", "--timeout=60s")
    status = connected.status
    assert {each["name"] for each in status["processes"]} == PROCESSES
    assert status["stages"] == f"{len(PROCESSES)}/{len(PROCESSES)}"
    assert {each["observedGeneration"] for each in status["conditions"]} == {status["observedGeneration"]}
    assert connected.condition("Stalled")["status"] == "False"
    _told_in_order(connected)


def _told_in_order(pipeline: Pipeline) -> None:
    """Events tell of the way to Ready, whose last word it is."""
    reasons = [each["reason"] for each in pipeline.events() if each.get("reportingController") == "mmpipe.dev/operator"]
    assert reasons.index("RolloutInProgress") < reasons.index("Serving")
    assert len(reasons) == len(set(reasons))


def test_a_paused_pipeline_has_no_pods_and_keeps_the_rest(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    pipeline.apply().settle()
    before = pipeline.children()

    pipeline.apply(lifecycle={"state": "Paused"})
    wait_for(lambda: not pipeline.pods())
    wait_for(lambda: not pipeline.children([AUTOSCALER]))
    pipeline.wait("Ready", "True", "Paused")
    kept = {ref for ref in before if ref.kind not in (AUTOSCALER, CONFIG_MAP)}
    assert kept <= pipeline.children().keys()

    pipeline.apply()
    pipeline.settle()
    assert len(pipeline.children([AUTOSCALER])) == len(PROCESSES)


def test_an_annotation_keeps_the_operator_away_until_it_is_removed(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    pipeline.apply().settle()
    pipeline.annotate(reconcile="Paused")
    pipeline.wait("Reconciling", "False", "ReconcilePaused")

    pipeline.cluster.client.delete(SERVICE, pipeline.namespace, "media-image")
    # A second pipeline that is brought up shows that the operator has looked at everything since.
    Pipeline(pipeline.cluster, pipeline.namespace, "other").apply().settle()
    assert pipeline.cluster.client.find(SERVICE, pipeline.namespace, "media-image") is None

    pipeline.annotate(reconcile=None)
    wait_for(lambda: pipeline.cluster.client.find(SERVICE, pipeline.namespace, "media-image"))


def test_a_changed_secret_rolls_the_pods_that_read_it_and_no_others(pipeline: Pipeline, operator: Operators) -> None:
    client, namespace = pipeline.cluster.client, pipeline.namespace
    client.create(SECRET, _secret(namespace, "first"))
    operator(secrets_seconds=1)
    variable = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}}
    template = {"env": [variable], **pipeline.cluster.kubelet.placement}
    pipeline.apply(modalities=[{"name": "image", "template": template}]).settle()
    before = {process: _digest(pipeline, process) for process in PROCESSES}

    client.apply(SECRET, _secret(namespace, "second"), "user")
    wait_for(lambda: _digest(pipeline, "image") != before["image"])
    pipeline.settle()
    after = {process: _digest(pipeline, process) for process in PROCESSES}
    assert {process for process in PROCESSES if after[process] != before[process]} == {"image"}


def test_a_changed_modality_rolls_its_own_pods_and_the_workers_alone(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    template = {"template": pipeline.cluster.kubelet.placement}
    both = [{"name": "image", **template}, {"name": "text", **template}]
    pipeline.apply(modalities=both).settle()
    before = {process: _digest(pipeline, process) for process in (*PROCESSES, "text")}

    pipeline.apply(modalities=[both[0] | {"decode": {"size": 256}}, both[1]])
    wait_for(lambda: _digest(pipeline, "image") != before["image"])
    pipeline.settle()
    assert {process for process in before if _digest(pipeline, process) != before[process]} == {"image", "worker"}


def test_a_removed_modality_takes_its_objects_with_it(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    template = {"template": pipeline.cluster.kubelet.placement}
    pipeline.apply(modalities=[{"name": "image", **template}, {"name": "text", **template}]).settle()
    assert _of_process(pipeline, "text")

    pipeline.apply()
    wait_for(lambda: not _of_process(pipeline, "text"), what=lambda: str(_of_process(pipeline, "text")))
    pipeline.settle()


def test_a_new_spec_takes_over_from_one_that_is_still_rolling_out(
    pipeline: Pipeline, operator: Operators, kubelet: Kubelet
) -> None:
    operator()
    pipeline.apply(modalities=[_sized(pipeline, 224)]).settle()
    first = pipeline.template()
    kubelet.treat(pipeline.namespace, Behaviour.UNREADY, "slow:*")

    pipeline.apply(modalities=[_sized(pipeline, 256, "slow:1")])
    pipeline.wait("Reconciling", "True", "RolloutInProgress")
    second = pipeline.template()
    pipeline.apply(modalities=[_sized(pipeline, 288)])
    wait_for(lambda: _config(pipeline.template()) not in (_config(first), _config(second)))
    assert pipeline.condition("StagesAvailable").get("status", "True") == "True"

    pipeline.settle()
    read = {_config(pipeline.template())}
    wait_for(lambda: _files(pipeline) == read, what=lambda: f"{_files(pipeline)} is not {read}")


def test_a_bad_image_leaves_the_old_pods_running_and_says_so_until_it_is_corrected(
    connected: Pipeline, operator: Operators, kubelet: Kubelet
) -> None:
    operator()
    kubelet.treat(connected.namespace, Behaviour.BAD_IMAGE, "typo:*")
    connected.apply(modalities=[_sized(connected, 224)]).wait("Ready", timeout_s=60)
    (old,) = connected.pods("image")

    connected.apply(modalities=[_sized(connected, 224, "typo:1")])
    stalled = connected.wait("Stalled", "True", "ImagePullBackOff")
    assert "typo:1" in stalled["message"] or "image" in stalled["message"]
    assert connected.condition("StagesAvailable")["status"] == "True"
    assert old["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in connected.pods("image")}

    connected.apply(modalities=[_sized(connected, 224)])
    connected.wait("Ready", timeout_s=60)
    assert connected.condition("Stalled")["status"] == "False"


def test_an_object_of_somebody_else_is_never_taken_over(pipeline: Pipeline, operator: Operators) -> None:
    client, namespace = pipeline.cluster.client, pipeline.namespace
    theirs = client.create(SERVICE, _service(namespace, "media-image"))
    operator()
    pipeline.apply()

    stalled = pipeline.wait("Stalled", "True", "NameTaken")
    assert "media-image" in stalled["message"]
    assert client.get(SERVICE, namespace, "media-image") == theirs

    client.delete(SERVICE, namespace, "media-image")
    pipeline.wait("Stalled", "False", timeout_s=75)
    ours = client.get(SERVICE, namespace, "media-image")
    assert ours["metadata"]["ownerReferences"][0]["name"] == "media"


def test_a_steady_pipeline_is_written_nothing(pipeline: Pipeline, operator: Operators, audit: AuditLog) -> None:
    replica = operator(resync_seconds=1, probe_seconds=1, secrets_seconds=1)
    pipeline.apply().settle()
    for neighbour in ("QueueReachable", "VectorStoreReachable", "Reconciling"):
        pipeline.wait(neighbour, "False")
    looked = replica.metric("mmpipe_operator_reconciles_total")
    start = audit.mark()
    wait_for(lambda: replica.metric("mmpipe_operator_reconciles_total") > looked + 5)
    written = [each for each in writes(audit.between(start, user=operator.user)) if each.resource != "leases"]
    assert written == []


def test_deleting_a_pipeline_deletes_all_that_it_owns(pipeline: Pipeline, operator: Operators) -> None:
    operator()
    pipeline.apply().settle()
    assert pipeline.get()["metadata"].get("finalizers", []) == []
    pipeline.delete()
    wait_for(lambda: not pipeline.children(), what=lambda: str(list(map(str, pipeline.children()))))
    wait_for(lambda: not pipeline.pods())


def _secret(namespace: str, value: str) -> Manifest:
    metadata = {"name": "token", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": value}}


def _service(namespace: str, name: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    spec = {"selector": {"app": "theirs"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _sized(pipeline: Pipeline, size: int, image: str = "") -> Manifest:
    named = {"image": image} if image else {}
    template = {**pipeline.cluster.kubelet.placement, **named}
    return {"name": "image", "decode": {"size": size}, "template": template}


def _digest(pipeline: Pipeline, process: str) -> str:
    return str(pipeline.template(process)["metadata"]["annotations"][names.CONFIG_HASH])


def _config(template: Manifest) -> str:
    """The file that pods of this template read."""
    volumes = template["spec"]["volumes"]
    return str(next(each["configMap"]["name"] for each in volumes if each["name"] == "config"))


def _files(pipeline: Pipeline) -> set[str]:
    """The files that are there for the image process."""
    return {ref.name for ref in pipeline.children([CONFIG_MAP]) if ref.name.startswith("media-image-")}


def _of_process(pipeline: Pipeline, process: str) -> list[str]:
    name = names.child(pipeline.name, process)
    return [str(ref) for ref in pipeline.children() if ref.name == name or ref.name.startswith(f"{name}-")]
