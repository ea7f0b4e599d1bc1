from __future__ import annotations

from hypothesis import given, settings
from tests.unit.operator.plan.anything import pipelines
from tests.unit.operator.plan.looking import by_process, container, planned, pods
from tests.unit.operator.plan.scenes import SCENES, pipeline
from typer.testing import CliRunner

from mmpipe.cli.main import app
from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import DEPLOYMENT


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_pods_keep_to_the_restricted_profile_and_beyond(any_pipeline: MultimodalPipeline) -> None:
    """Pod Security Standards, restricted (kubernetes.io/docs/concepts/security/pod-security-standards)."""
    for pod in pods(any_pipeline).values():
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"}
        assert all(volume.keys() - {"name"} <= ALLOWED_VOLUMES for volume in pod["volumes"])
        security, own = pod["securityContext"], container(pod)["securityContext"]
        assert security["runAsNonRoot"] is True
        assert 0 not in {security["runAsUser"], security["runAsGroup"], security["fsGroup"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPort" in port for port in container(pod)["ports"])
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False


ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "secret",
    "image",
}


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_what_a_pod_writes_is_bounded(any_pipeline: MultimodalPipeline) -> None:
    for pod in pods(any_pipeline).values():
        own = {volume["name"]: volume for volume in pod["volumes"]}
        for mount in container(pod)["volumeMounts"]:
            assert mount.get("readOnly") or own[mount["name"]]["emptyDir"]["sizeLimit"]
        amounts = container(pod)["resources"]
        assert {"cpu", "memory", "ephemeral-storage"} <= amounts["requests"].keys() | amounts["limits"].keys()
        assert {"memory", "ephemeral-storage"} <= amounts["limits"].keys()


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_a_pod_has_the_time_to_drain(any_pipeline: MultimodalPipeline) -> None:
    for pod in pods(any_pipeline).values():
        asleep = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain = any_pipeline.spec.serving.drain_seconds
        assert pod["terminationGracePeriodSeconds"] >= asleep + drain + 10, "the longest batch"


def test_a_new_pod_comes_before_an_old_one_goes_and_has_time_to_load() -> None:
    deployments = [each for each in SCENES["five-modalities"].manifests if each["kind"] == "Deployment"]

    for each in deployments:
        assert each["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        probe = container(each["spec"]["template"]["spec"])["startupProbe"]
        assert each["spec"]["progressDeadlineSeconds"] > probe["periodSeconds"] * probe["failureThreshold"]


def test_how_new_pods_take_the_place_of_old_ones_is_the_specs() -> None:
    deployments = by_process(
        DEPLOYMENT,
        planned(
            pipeline(
                "\n  modalities: [{name: image, rollout: {strategy: Recreate}}]\n"
                "  worker: {rollout: {maxSurge: 0, maxUnavailable: 2}}\n  fusion: {rollout: {maxSurge: 3}}\n"
            )
        ),
    )

    assert {process: each["spec"]["strategy"] for process, each in deployments.items()} == {
        "gateway": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "worker": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}},
        "image": {"type": "Recreate"},
        "fuse": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
    }


def test_how_pods_are_replaced_restarts_none_of_them() -> None:
    before, after = (
        by_process(DEPLOYMENT, planned(pipeline(f"\n  modalities: [{{name: image{rollout}}}]\n")))
        for rollout in ("", ", rollout: {strategy: Recreate}")
    )

    assert before["image"]["spec"]["strategy"] != after["image"]["spec"]["strategy"]
    assert before["image"]["spec"]["template"] == after["image"]["spec"]["template"]


def test_probes_are_grpc_where_the_kubelet_can_ask_so() -> None:
    plain, secured = pods(SCENES["one-modality"].pipeline), pods(SCENES["secured"].pipeline)

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container(plain["gateway"])[probe]["grpc"] == {"port": 50050}
        assert container(secured["gateway"])[probe]["tcpSocket"] == {"port": 50050}, "the kubelet speaks no TLS"
        assert container(secured["text"])[probe]["grpc"] == {"port": 50051}


def test_commands_are_those_of_the_command_line() -> None:
    """Everything but the file is checked by the command itself."""
    for topology in ("PerModality", "PerStage"):
        for pod in pods(pipeline(f"\n  topology: {topology}\n")).values():
            arguments = container(pod)["args"]
            answer = CliRunner().invoke(app, [*arguments[:1], "missing.yaml", *arguments[2:]])
            assert "missing.yaml" in answer.output + str(answer.exception), answer.output
            assert "No such option" not in answer.output
            assert arguments[1] == "/etc/mmpipe/pipeline.yaml"


def test_pods_of_one_revision_are_spread_over_zones_and_nodes() -> None:
    for process, pod in pods(SCENES["one-modality"].pipeline).items():
        spread = pod["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        for each in spread:
            assert each["matchLabelKeys"] == ["pod-template-hash"]
            assert each["labelSelector"] == {"matchLabels": names.selector("media", process)}
            assert each["whenUnsatisfiable"] == "ScheduleAnyway", "one node is enough to begin"


def test_a_stage_server_has_threads_for_its_own_cpus() -> None:
    for cpu, threads in (("250m", "2"), ("3500m", "4"), ("8", "8"), ("1e1", "10")):
        template = f"{{resources: {{requests: {{cpu: '{cpu}'}}}}}}"
        found = pods(pipeline(f"\n  modalities: [{{name: image, template: {template}}}]\n"))
        arguments = container(found["image"])["args"]
        assert arguments[arguments.index("--threads") + 1] == threads
        assert "--threads" not in container(found["worker"])["args"]


def test_every_process_has_a_template_of_its_own() -> None:
    placed = "{template: {nodeSelector: {disk: fast}}}"
    modality = "{name: text, template: {nodeSelector: {disk: fast}}}"

    found = pods(
        pipeline(f"\n  modalities: [{modality}]\n  gateway: {placed}\n  worker: {placed}\n  fusion: {placed}\n")
    )

    assert set(found) == {"gateway", "worker", "text", "fuse"}
    assert all(pod["nodeSelector"] == {"disk": "fast"} for pod in found.values())
