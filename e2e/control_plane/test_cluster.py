"""The test cluster itself: what tests of the operator stand on."""

import sys
import urllib.request
from pathlib import Path

from e2e.cluster.client import JOB
from e2e.cluster.containers import Image
from e2e.cluster.kubelet import Kubelet
from e2e.cluster.pod_status import Behaviour
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for

from mmpipe_operator.kinds import DEPLOYMENT, POD, SERVICE, Kind, Manifest

ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_spec(cluster: Cluster, image: str, **container: object) -> Manifest:
    only = {"name": "main", "image": image, "securityContext": RESTRICTED, **container}
    return {"containers": [only], **cluster.kubelet.placement}


def deployment(namespace: str, name: str, spec: Manifest) -> Manifest:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def test_a_deployment_becomes_available_and_its_pods_leave_with_it(
    cluster: Cluster, namespace: str, kubectl: Tool
) -> None:
    cluster.client.create(DEPLOYMENT, deployment(namespace, "web", pod_spec(cluster, "web:1")))
    kubectl("-n", namespace, "wait", "deployment/web", "--for=condition=Available", "--timeout=30s")
    cluster.client.delete(DEPLOYMENT, namespace, "web")
    wait_for(lambda: not cluster.client.list(POD, namespace))


def test_pods_fail_as_a_rule_says_and_recover_when_it_is_lifted(
    cluster: Cluster, namespace: str, kubelet: Kubelet
) -> None:
    kubelet.treat(namespace, Behaviour.BAD_IMAGE, "web:*")
    cluster.client.create(DEPLOYMENT, deployment(namespace, "web", pod_spec(cluster, "web:1")))
    wait_for(lambda: _waiting(cluster, namespace) == ["ImagePullBackOff"])
    kubelet.treat(namespace, Behaviour.READY)
    wait_for(lambda: cluster.client.get(DEPLOYMENT, namespace, "web")["status"].get("readyReplicas") == 1)


def test_a_real_container_has_its_environment_its_files_and_its_account(
    cluster: Cluster, namespace: str, kubelet: Kubelet
) -> None:
    cluster.client.call(
        "POST",
        f"/api/v1/namespaces/{namespace}/configmaps",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"greeting": "hello"}},
    )
    kubelet.run("shell:1", Image())
    script = 'read -r line </etc/words/greeting; echo "$line from $POD"; test -s "$KUBECONFIG"; exit $?'
    spec = pod_spec(
        cluster,
        "shell:1",
        command=["sh", "-c", script],
        env=[{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}],
        volumeMounts=[{"name": "words", "mountPath": "/etc/words"}],
    )
    spec |= {"restartPolicy": "Never", "volumes": [{"name": "words", "configMap": {"name": "words"}}]}
    cluster.client.create(JOB, _job(namespace, "greet", spec))

    wait_for(lambda: cluster.client.get(JOB, namespace, "greet").get("status", {}).get("succeeded") == 1)
    (pod,) = cluster.client.list(POD, namespace)
    assert pod["status"]["phase"] == "Succeeded"
    assert kubelet.log(namespace, pod["metadata"]["name"]).strip() == "hello from greet"


def test_a_real_pod_answers_where_its_status_and_its_services_endpoints_say(
    cluster: Cluster, namespace: str, kubelet: Kubelet
) -> None:
    kubelet.run("web:real", Image(programs=Path(sys.executable).parent))
    command = ["python", "-m", "http.server", "8000", "--bind", "0.0.0.0"]  # noqa: S104  # the kubelet turns it into the pod's
    spec = pod_spec(cluster, "web:real", command=command, readinessProbe={"httpGet": {"port": 8000}})
    cluster.client.create(DEPLOYMENT, deployment(namespace, "web", spec))
    cluster.client.create(SERVICE, _service(namespace, "web"))

    (endpoint,) = wait_for(lambda: _ready_endpoints(cluster, namespace))

    (pod,) = cluster.client.list(POD, namespace)
    assert endpoint["addresses"] == [pod["status"]["podIP"]]
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8000/", timeout=5) as answer:
        assert answer.status == 200


def test_a_real_container_that_fails_ends_its_job_as_failed(cluster: Cluster, namespace: str, kubelet: Kubelet) -> None:
    kubelet.run("shell:1", Image())
    spec = pod_spec(cluster, "shell:1", command=["sh", "-c", "exit 3"]) | {"restartPolicy": "Never"}
    cluster.client.create(JOB, _job(namespace, "fail", spec))
    wait_for(lambda: cluster.client.get(JOB, namespace, "fail").get("status", {}).get("failed") == 1)
    (pod,) = cluster.client.list(POD, namespace)
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def _job(namespace: str, name: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    job = {"backoffLimit": 0, "template": {"spec": spec}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job}


def _service(namespace: str, name: str) -> Manifest:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _ready_endpoints(cluster: Cluster, namespace: str) -> list[Manifest]:
    slices = cluster.client.list(ENDPOINT_SLICE, namespace)
    found = [endpoint for each in slices for endpoint in each["endpoints"] or ()]
    return [endpoint for endpoint in found if endpoint["conditions"].get("ready")]


def _waiting(cluster: Cluster, namespace: str) -> list[str]:
    pods = cluster.client.list(POD, namespace)
    return [
        each["state"].get("waiting", {}).get("reason", "")
        for pod in pods
        for each in pod["status"].get("containerStatuses", ())
    ]
