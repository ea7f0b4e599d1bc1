"""``kubectl mmpipe`` as a user types it: the real kubectl finds the plugin, the plugin asks a real API server.

What needs a kubelet (logs, a forwarded port) is held against a scripted kubectl in ``tests/unit/kubectl_mmpipe``.
"""

import json
import tarfile
from pathlib import Path

import pytest
from e2e.cluster.certificates import kubeconfig
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.operators import Operators
from e2e.cluster.pod_files import token
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for
from e2e.control_plane.plugin import Plugin, plugin_in

from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE

EXAMPLES = Path(__file__).parents[2] / "examples" / "pipelines"
HIDDEN = "hunter2hunter2"


@pytest.fixture
def plugin(cluster: Cluster, namespace: str) -> Plugin:
    """``kubectl mmpipe`` in the test's namespace, or as another user."""
    return plugin_in(cluster, namespace)


@pytest.fixture
def media(operator: Operators, kubectl: Tool, namespace: str) -> str:
    """A pipeline that an operator keeps; its queue and stores are nowhere."""
    operator()
    kubectl("-n", namespace, "apply", "-f", EXAMPLES / "minimal.yaml")
    kubectl("-n", namespace, "wait", "mmp/minimal", "--for=condition=StagesAvailable", "--timeout=60s")
    return "minimal"


@pytest.mark.usefixtures("crd")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_taken_by_the_api_server(path: Path, kubectl: Tool, namespace: str) -> None:
    assert "created" in kubectl("-n", namespace, "apply", "--dry-run=server", "-f", path)


@pytest.mark.usefixtures("media")
def test_status_shows_every_process_and_the_neighbours(plugin: Plugin, namespace: str) -> None:
    wait_for(lambda: "vectors  VectorStoreUnreachable" in plugin("status", "minimal").stdout, 60)

    out = plugin("status", "minimal").stdout

    assert out.startswith(f"{namespace}/minimal  ")
    assert "processes 8/8" in out
    for process in ("gateway", "worker", "text", "image", "audio", "video", "depth", "fuse"):
        assert f"{process}  1/1 ready  minimal-{process}.{namespace}:" in out
    assert "queue  QueueUnreachable" in out


@pytest.mark.usefixtures("media")
def test_status_names_pods_that_fail(plugin: Plugin, kubelet: Kubelet, namespace: str) -> None:
    kubelet.treat(namespace, Behaviour.BAD_IMAGE)

    wait_for(lambda: "ImagePullBackOff: Back-off pulling image" in plugin("status").stdout, 60)


@pytest.mark.usefixtures("media")
def test_lag_says_unknown_where_nobody_reads(plugin: Plugin) -> None:
    rows = json.loads(plugin("lag", "minimal", "--json").stdout)

    assert {row["process"] for row in rows} >= {"all", "gateway", "worker", "image"}
    assert {row["backlog"] for row in rows} == {None}


@pytest.mark.usefixtures("media")
def test_explain_scaling_says_unknown_where_nobody_answers(plugin: Plugin) -> None:
    wait_for(lambda: "FailedGetObjectMetric" in _hindrances(plugin), 60)

    (account,) = json.loads(plugin("explain-scaling", "minimal", "--process", "worker", "-o", "json").stdout)
    out = plugin("explain-scaling").stdout

    assert [(ask["metric"], ask["depth"]) for ask in account["asks"]] == [("queue_depth", None)]
    assert (account["asked"], account["replicas"]) == (None, 1)
    assert "expected a metrics adapter; see kubectl get apiservices" in out or "ServiceUnavailable" in out
    assert "rules  1-4 pods; up 100 % each 15 s or 4 pods each 15 s at once" in out


@pytest.mark.usefixtures("media")
def test_explain_scaling_tells_how_to_wake_what_somebody_has_set_to_0(
    plugin: Plugin, kubectl: Tool, cluster: Cluster, namespace: str
) -> None:
    kubectl("-n", namespace, "scale", "deployment/minimal-worker", "--replicas=0")
    wait_for(lambda: "ScalingDisabled" in _hindrances(plugin), 60)

    remedy = _hindrances(plugin)["ScalingDisabled"].rpartition("; kubectl ")[2]
    kubectl(*remedy.split())

    assert cluster.client.get(DEPLOYMENT, namespace, "minimal-worker")["spec"]["replicas"] == 1
    wait_for(lambda: "ScalingDisabled" not in _hindrances(plugin), 60)


@pytest.mark.usefixtures("media")
def test_explain_scaling_leaves_the_number_to_whom_it_belongs(plugin: Plugin, kubectl: Tool, namespace: str) -> None:
    nobody = {"spec": {"scaling": {"mode": "None"}}}
    kubectl("-n", namespace, "patch", "mmp", "minimal", "--type=merge", "-p", json.dumps(nobody))
    wait_for(lambda: list(_hindrances(plugin)) == ["AutoscalingOff"], 60)
    kubectl("-n", namespace, "scale", "deployment/minimal-worker", "--replicas=3")

    (account,) = json.loads(plugin("explain-scaling", "minimal", "--process", "worker", "--json").stdout)

    assert (account["mode"], account["scaler"], account["replicas"]) == ("None", "", 3)


@pytest.mark.usefixtures("media")
def test_pause_and_resume_scale_to_zero_and_back(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    assert plugin("pause", "minimal").returncode == 0
    wait_for(lambda: _replicas(cluster, namespace) == {0}, 60)

    assert "scaled to zero" in plugin("status").stdout
    assert plugin("resume", "minimal").returncode == 0
    wait_for(lambda: _replicas(cluster, namespace) == {1}, 60)


@pytest.mark.usefixtures("media")
def test_a_pause_of_reconciling_keeps_the_operators_hands_off(plugin: Plugin, cluster: Cluster, namespace: str) -> None:
    assert plugin("pause", "minimal", "--reconciling").returncode == 0
    wait_for(lambda: "ReconcilePaused" in _reasons(cluster, namespace))
    cluster.client.delete(DEPLOYMENT, namespace, "minimal-fuse")
    wait_for(lambda: cluster.client.find(DEPLOYMENT, namespace, "minimal-fuse") is None)

    assert "fuse" in plugin("status").stdout
    assert cluster.client.find(DEPLOYMENT, namespace, "minimal-fuse") is None

    plugin("resume", "minimal")
    wait_for(lambda: cluster.client.find(DEPLOYMENT, namespace, "minimal-fuse") is not None)


@pytest.mark.usefixtures("media")
def test_a_bundle_holds_the_objects_and_no_secret(
    plugin: Plugin, kubectl: Tool, namespace: str, tmp_path: Path
) -> None:
    kubectl("-n", namespace, "create", "secret", "generic", "milvus", f"--from-literal=token={HIDDEN}")
    reference = {"spec": {"sink": {"milvus": {"tokenSecretRef": {"name": "milvus", "key": "token"}}}}}
    kubectl("-n", namespace, "patch", "mmp", "minimal", "--type=merge", "-p", json.dumps(reference))

    done = plugin("support-bundle", "-o", tmp_path / "b.tar.gz")

    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        files = {name: file.read().decode() for name in tar.getnames() if (file := tar.extractfile(name))}
    assert files[f"mmpipe-support/secrets/{namespace}/milvus.keys"] == "token\n"
    assert "minimal-gateway" in files["mmpipe-support/objects/deployments.json"]
    assert not [name for name, text in files.items() if HIDDEN in text]
    assert "missing logs/" in done.stderr  # nobody plays the kubelet's part of that
    assert done.returncode == 1


@pytest.mark.usefixtures("crd")
def test_a_missing_right_and_a_mistyped_name_are_told(
    plugin: Plugin, cluster: Cluster, kubectl: Tool, namespace: str, tmp_path: Path
) -> None:
    kubectl("-n", namespace, "apply", "-f", EXAMPLES / "minimal.yaml")
    kubectl("-n", namespace, "create", "serviceaccount", "jane")
    access = cluster.client.access
    kubeconfig(tmp_path / "jane", access.server, access.authority, {"token": token(cluster.client, namespace, "jane")})

    forbidden = plugin("status", access=tmp_path / "jane")
    mistyped = plugin("status", "minimla")

    assert forbidden.returncode == 3
    assert f"jane may not list them in namespace {namespace}; expected the right" in forbidden.stderr
    assert mistyped.returncode == 2
    assert "did you mean minimal?" in mistyped.stderr


def _hindrances(plugin: Plugin) -> dict[str, str]:
    """What is said to hold the worker back."""
    (account,) = json.loads(plugin("explain-scaling", "minimal", "--process", "worker", "--json").stdout)
    return {each["reason"]: each["message"] for each in account["hindrances"]}


def _replicas(cluster: Cluster, namespace: str) -> set[int]:
    return {each["spec"]["replicas"] for each in cluster.client.list(DEPLOYMENT, namespace)}


def _reasons(cluster: Cluster, namespace: str) -> set[str]:
    conditions = cluster.client.get(PIPELINE, namespace, "minimal")["status"]["conditions"]
    return {each["reason"] for each in conditions}
