"""``kubectl mmpipe support-bundle``: what is in the file, what is not, and what its manifest says of both."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.unit.kubectl_mmpipe.objects import PIPELINES, deployment, pipeline, pod
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

from kubectl_mmpipe.bundle import archive, collection

HIDDEN = "hunter2hunter2"
OPERATOR = "operator-0"
OTHERS = ("poddisruptionbudgets.v1.policy", "replicasets.v1.apps", "leases.coordination.k8s.io")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, unpacked."""

    files: dict[str, str]
    manifest: dict[str, Any]

    def outcome(self, path: str) -> str:
        return next(str(entry["outcome"]) for entry in self.manifest["entries"] if entry["path"] == path)


def unpacked(path: Path) -> Bundle:
    with tarfile.open(path) as tar:
        files = {
            name.removeprefix("mmpipe-support/"): file.read().decode()
            for name in tar.getnames()
            if (file := tar.extractfile(name))
        }
    return Bundle(files, json.loads(files["manifest.json"]))


@pytest.fixture
def metrics() -> Iterator[str]:
    """Address of an operator's metrics."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"mmpipe_operator_queue_depth 0 at {self.path}\n".encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def media(cluster: Cluster, metrics: str) -> Cluster:
    """A cluster with one pipeline, its image pod in trouble, and an operator."""
    found = pipeline()
    found["spec"] = {"source": {"queue": {"nats": {"credentialsSecretRef": {"name": "nats", "key": "creds"}}}}}
    image = pod("media-image-1", "image", ready=False, restarts=2, waiting={"reason": "CrashLoopBackOff"})
    image["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": HIDDEN}]
    operator = pod(OPERATOR, "operator")
    operator["metadata"]["namespace"] = "mmpipe-system"
    event = {"involvedObject": {"name": "media-image-1"}, "message": "Back-off"}
    other = {"involvedObject": {"name": "mediaeval-0"}, "message": "of somebody else"}
    cluster.has(PIPELINES, found)
    for kind in ("serviceaccounts", "configmaps", "services", "networkpolicies.v1.networking.k8s.io", *OTHERS):
        cluster.has(kind)
    cluster.has("deployments.v1.apps", deployment("image"))
    cluster.has("pods", image)
    cluster.answer("get", "events", out=json.dumps({"items": [event, other]}))
    cluster.answer("get", "customresourcedefinitions.apiextensions.k8s.io", PIPELINES, out="{}")
    cluster.answer("version", out='{"serverVersion": {"gitVersion": "v1.37.2"}}')
    cluster.answer("logs", "media-image-1", out=f"connecting to nats://mmpipe:{HIDDEN}@nats\n")
    cluster.answer("logs", "media-image-1", "--previous", out="out of memory\n")
    cluster.answer("logs", OPERATOR, out="reconciled\n")
    cluster.answer("get", "secrets", "nats", out="creds\nurl\n")
    cluster.answer("get", "pods", f"--selector={collection.OPERATOR}", out=json.dumps({"items": [operator]}))
    cluster.answer("port-forward", f"pod/{OPERATOR}", out=f"Forwarding from {metrics} -> 9464\n", stays=True)
    return cluster


def test_a_bundle_holds_what_helps_and_says_what_it_holds(mmpipe: Run, media: Cluster, tmp_path: Path) -> None:
    done = mmpipe("support-bundle", "media", "-o", tmp_path / "b.tar.gz", "-n", "default")

    bundle = unpacked(tmp_path / "b.tar.gz")
    assert done.code == 0, done.err
    assert media.calls
    assert bundle.files["logs/default/media-image-1.previous.log"] == "out of memory\n"
    assert bundle.files["operator/logs/mmpipe-system/operator-0.log"] == "reconciled\n"
    assert bundle.files["operator/metrics/operator-0.txt"] == "mmpipe_operator_queue_depth 0 at /metrics\n"
    assert "v1.37.2" in bundle.files["versions/kubernetes.json"]
    assert set(bundle.files) - {"manifest.json"} == {
        entry["path"] for entry in bundle.manifest["entries"] if entry["outcome"] == "Collected"
    }
    assert bundle.outcome("objects/scaledobjects.json") == "NotServed"


def test_no_secret_gets_into_it(mmpipe: Run, media: Cluster, tmp_path: Path) -> None:
    mmpipe("support-bundle", "media", "-o", tmp_path / "b.tar.gz")

    bundle = unpacked(tmp_path / "b.tar.gz")
    assert not [path for path, text in bundle.files.items() if HIDDEN in text]
    assert bundle.files["secrets/default/nats.keys"] == "creds\nurl\n"
    (asked,) = [call for call in media.calls if call[:2] == ["get", "secrets"]]
    assert not [word for word in asked if word.startswith("--output=json")]


@pytest.mark.usefixtures("media")
def test_only_events_of_the_pipeline_are_taken(mmpipe: Run, tmp_path: Path) -> None:
    mmpipe("support-bundle", "media", "-o", tmp_path / "b.tar.gz")

    events = json.loads(unpacked(tmp_path / "b.tar.gz").files["objects/events.json"])
    assert [event["message"] for event in events["items"]] == ["Back-off"]


def test_what_failed_is_listed_and_ends_with_1(mmpipe: Run, media: Cluster, tmp_path: Path) -> None:
    refusal = (
        'Error from server (Forbidden): secrets "nats" is forbidden: User "jane" cannot get resource "secrets"'
        ' in API group "" in the namespace "default"'
    )
    media.answer("get", "secrets", "nats", err=refusal)

    done = mmpipe("support-bundle", "media", "-o", tmp_path / "b.tar.gz")

    assert done.code == 1
    assert "missing secrets/default/nats.keys: secrets: found that jane may not get them" in done.err
    assert unpacked(tmp_path / "b.tar.gz").outcome("secrets/default/nats.keys") == "Failed"


def test_a_file_that_is_there_is_never_overwritten(mmpipe: Run, tmp_path: Path) -> None:
    there = tmp_path / "b.tar.gz"
    there.write_text("precious")

    done = mmpipe("support-bundle", "-o", there)

    assert done.code == 2
    assert "choose another path with -o" in done.err
    assert there.read_text() == "precious"


def test_a_pipeline_that_is_not_there_leaves_no_file(mmpipe: Run, cluster: Cluster, tmp_path: Path) -> None:
    cluster.answer("get", PIPELINES, "medai", err='Error from server (NotFound): x "medai" not found')

    assert mmpipe("support-bundle", "medai", "-o", tmp_path / "b.tar.gz").code == 2
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.mark.usefixtures("media")
def test_only_its_owner_may_read_it(mmpipe: Run, tmp_path: Path) -> None:
    mmpipe("support-bundle", "-o", tmp_path / "b.tar.gz")

    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("media")
def test_a_full_bundle_leaves_out_and_says_so(mmpipe: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TOTAL_BYTES", 3_000)

    mmpipe("support-bundle", "-o", tmp_path / "b.tar.gz")

    bundle = unpacked(tmp_path / "b.tar.gz")
    assert "LeftOut" in {entry["outcome"] for entry in bundle.manifest["entries"]}
    assert sum(len(text) for path, text in bundle.files.items() if path != "manifest.json") <= 3_000


def test_a_long_list_keeps_its_first_objects_whole() -> None:
    shortened, left_out = collection.shortened({"kind": "List", "items": ["x" * 40] * 10}, most_bytes=100)

    assert shortened == {"kind": "List", "items": ["x" * 40] * 2}
    assert left_out == 8


def test_logs_of_pods_in_trouble_are_taken_first() -> None:
    healthy = [pod(f"media-image-{number:02}", "image") for number in range(collection.MOST_PODS)]
    questions, left_out = collection.logs([*healthy, pod("media-image-zz", "image", ready=False)], "logs")

    assert questions[0].path == "logs/default/media-image-zz.log"
    assert left_out == [f"media-image-{collection.MOST_PODS - 1}"]


def test_every_secret_that_is_named_is_asked_for_by_its_keys() -> None:
    running = pod("a", "image")
    running["spec"] = {
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"secret": {"secretName": "tls"}}],
        "containers": [{"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}],
    }

    assert [question.path for question in collection.secrets([running])] == [
        "secrets/default/db.keys",
        "secrets/default/registry.keys",
        "secrets/default/tls.keys",
    ]
