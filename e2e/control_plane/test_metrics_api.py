"""The metrics API as clients of the API server see it: found, read, refused, never a number that nobody has read."""

from __future__ import annotations

import http.client
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.cluster.adapters import Adapter, adapting
from e2e.cluster.backlog import Backlog
from e2e.cluster.client import ApiError
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import NOBODY, Pipeline, Stores

from mmpipe_operator import names
from mmpipe_operator.kinds import POD, Manifest

GROUP = "/apis/custom.metrics.k8s.io"
VERSION = f"{GROUP}/v1beta2"


@pytest.fixture(scope="module")
def adapter(cluster: Cluster, crd: None) -> Iterator[Adapter]:  # noqa: ARG001  # the kind must be there
    with adapting(cluster, fresh_seconds=0.1, pipeline_seconds=0.1, timeout_seconds=1) as found:
        yield found


def metric(pipeline: Pipeline, name: str) -> str:
    where = f"{VERSION}/namespaces/{pipeline.namespace}/multimodalpipelines.mmpipe.dev/{pipeline.name}"
    return f"{where}/{name}"


def value(pipeline: Pipeline, name: str, selector: str = "") -> str:
    query = {"metricLabelSelector": selector} if selector else {}
    (item,) = pipeline.cluster.client.call("GET", metric(pipeline, name), **query)["items"]
    assert item["describedObject"]["name"] == pipeline.name
    return str(item["value"])


def test_the_api_server_finds_the_metrics_and_describes_them(cluster: Cluster, adapter: Adapter) -> None:
    assert adapter.asked("/readyz") == (200, "ok\n")
    names = {each["name"] for each in cluster.client.call("GET", VERSION)["resources"]}
    assert names == {f"multimodalpipelines.mmpipe.dev/{metric}" for metric in ("queue_depth", "service_depth")}
    groups = {each["name"] for each in cluster.client.call("GET", "/apis")["groups"]}
    assert "custom.metrics.k8s.io" in groups

    def described() -> bool:
        document = cluster.client.call("GET", "/openapi/v3")["paths"]
        return VERSION.removeprefix("/") in document

    wait_for(described, 30)
    assert "MetricValueList" in str(cluster.client.call("GET", f"/openapi/v3{VERSION}"))


def test_what_waits_in_the_stream_is_read_by_modality_and_whole(
    cluster: Cluster, adapter: Adapter, namespace: str, nats_url: str
) -> None:
    pipeline = Pipeline(cluster, namespace, "read", Stores(nats_url)).apply()
    assert value(pipeline, "queue_depth") == "0"
    backlog = Backlog(nats_url, namespace, "read")
    backlog.add(5)
    backlog.add(2, "text-image")
    wait_for(lambda: value(pipeline, "queue_depth") == "7", 10, adapter.log)
    assert value(pipeline, "queue_depth", "modality=image") == "7"
    with backlog.leased(5):
        assert value(pipeline, "queue_depth", "modality=image") == "7"
    wait_for(lambda: value(pipeline, "queue_depth") == "2", 10, adapter.log)


@pytest.mark.usefixtures("adapter")
def test_no_pods_have_no_calls(cluster: Cluster, namespace: str) -> None:
    pipeline = Pipeline(cluster, namespace, "podless").apply()
    assert value(pipeline, "service_depth", "process=image") == "0"


@pytest.mark.usefixtures("adapter")
def test_a_queue_that_does_not_answer_is_an_error_with_its_address(cluster: Cluster, namespace: str) -> None:
    pipeline = Pipeline(cluster, namespace, "mute").apply()
    with pytest.raises(ApiError) as refused:
        value(pipeline, "queue_depth")
    assert (refused.value.status, refused.value.reason) == (503, "ServiceUnavailable")
    assert NOBODY in refused.value.message


@pytest.mark.usefixtures("adapter")
@pytest.mark.parametrize(
    ("name", "selector", "said"),
    [
        ("queue_length", "", "expected queue_depth or service_depth"),
        ("queue_depth", "modality=audio", "found no modality audio, expected one of image"),
        ("service_depth", "process=audio", "found no process audio, expected one of fuse, gateway, image"),
    ],
)
def test_what_a_pipeline_does_not_have_is_not_found(
    cluster: Cluster, namespace: str, name: str, selector: str, said: str
) -> None:
    pipeline = Pipeline(cluster, namespace, "lacking").apply()
    with pytest.raises(ApiError, match=said) as refused:
        value(pipeline, name, selector)
    assert refused.value.status == 404


@pytest.mark.usefixtures("adapter")
def test_no_such_pipeline_is_not_found(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ApiError, match="found none of that name") as refused:
        value(Pipeline(cluster, namespace, "nowhere"), "queue_depth")
    assert refused.value.status == 404


def pod(pipeline: Pipeline, process: str, name: str) -> Manifest:
    """Ready at once, as the kubelet plays it; nobody listens at its address."""
    labels = names.labels(pipeline.name, process)
    quota = {"cpu": "10m", "memory": "16Mi"}
    container = {
        "name": "main",
        "image": "mmpipe.test/played:1",
        "resources": {"requests": quota, "limits": quota},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, **pipeline.cluster.kubelet.placement}
    metadata = {"namespace": pipeline.namespace, "name": name, "labels": labels}
    pipeline.cluster.client.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def ready() -> Manifest | None:
        found = pipeline.cluster.client.get(POD, pipeline.namespace, name)
        conditions = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
        return found if conditions.get("Ready") == "True" else None

    found = wait_for(ready, 30)
    assert found
    return found


@contextmanager
def saying(found: Manifest, text: str) -> Iterator[None]:
    """Metrics of a pod."""

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((found["status"]["podIP"], names.METRICS_PORT), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("adapter")
def test_calls_are_those_of_all_pods_and_one_that_is_silent_is_an_error(cluster: Cluster, namespace: str) -> None:
    pipeline = Pipeline(cluster, namespace, "calls").apply()
    one, other = pod(pipeline, "image", "one"), pod(pipeline, "image", "other")
    depth = 'mmpipe_server_queue_depth{lane="query"} 3\nmmpipe_server_queue_depth{lane="ingest"} 4.0\n'
    with saying(one, depth):
        with saying(other, depth):
            wait_for(lambda: value(pipeline, "service_depth", "process=image") == "14", 10)
        with pytest.raises(ApiError, match="pod other") as refused:
            wait_for(lambda: value(pipeline, "service_depth", "process=image") != "14", 10)
    assert refused.value.status == 503


def dialled(adapter: Adapter, path: str, name: str = "", group: str = "system:masters") -> tuple[int, str]:
    """Status and message of an answer that did not come through the API server; ``name`` is of a certificate of its."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if name:
        keys = adapter.cluster.folder.parent / "pki"
        context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
    connection = http.client.HTTPSConnection(adapter.address, 6443, context=context, timeout=5)
    try:
        connection.request("GET", path, headers={"X-Remote-User": "somebody", "X-Remote-Group": group})
        answer = connection.getresponse()
        return answer.status, str(json.loads(answer.read()).get("message"))
    finally:
        connection.close()


def test_who_dials_the_adapter_itself_is_refused_whatever_he_claims(
    cluster: Cluster, adapter: Adapter, namespace: str
) -> None:
    path = metric(Pipeline(cluster, namespace, "dialled").apply(), "queue_depth")
    status, said = dialled(adapter, path)
    assert (status, said.partition(",")[0]) == (401, "client certificate: found none")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        dialled(adapter, path, "admin")  # whose authority is that of users


def test_the_api_server_itself_says_who_may_read(cluster: Cluster, adapter: Adapter, namespace: str) -> None:
    path = (
        metric(Pipeline(cluster, namespace, "asked").apply(), "service_depth") + "?metricLabelSelector=process%3Dimage"
    )
    assert dialled(adapter, path, "front", "system:masters")[0] == 200
    status, said = dialled(adapter, path, "front", "system:authenticated")
    assert status == 403
    assert "User somebody cannot get resource multimodalpipelines.mmpipe.dev/service_depth" in said
