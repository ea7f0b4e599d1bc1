from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from tests.unit.operator.plan.anything import pipelines
from tests.unit.operator.plan.looking import container, pods
from tests.unit.operator.plan.scenes import CONTEXT, SCENES, pipeline

from mmpipe.runtimes import home
from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.sink import SecretRef
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import plan, references


def variables(of: MultimodalPipeline) -> dict[str, set[str]]:
    """Names of the secrets' variables of each process."""
    return {
        process: {each["name"] for each in container(pod).get("env", ()) if "secretKeyRef" in each.get("valueFrom", {})}
        for process, pod in pods(of).items()
    }


def test_each_process_has_the_secrets_that_it_reads_and_no_other() -> None:
    stores = {"MMPIPE_SECRET_NATS_CREDS", "MMPIPE_SECRET_MILVUS_TOKEN", "MMPIPE_SECRET_DB_PASSWORD"}
    objects = {"MMPIPE_SECRET_S3_CREDENTIALS_JSON"}
    door = {
        "MMPIPE_SECRET_GATEWAY_TOKENS",
        "MMPIPE_SECRET_GATEWAY_TLS_TLS_CRT",
        "MMPIPE_SECRET_GATEWAY_TLS_TLS_KEY",
        "MMPIPE_SECRET_CACHE_PASSWORD",
    }

    assert variables(SCENES["secured"].pipeline) == {
        "gateway": stores | objects | door,
        "worker": stores | objects,
        "text": objects,
        "fuse": set(),
    }


def test_the_runtime_finds_a_secret_under_the_variable_that_the_pod_has(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretRef(name="gateway-tls", key="tls.crt")

    monkeypatch.setenv(reference.variable, "found")
    assert reference.variable == "MMPIPE_SECRET_GATEWAY_TLS_TLS_CRT"
    assert home.secret(reference) == "found"


def test_references_are_all_that_pods_read() -> None:
    assert references(SCENES["overridden"].pipeline) == (
        "ConfigMap/region",
        "Secret/certificates",
        "Secret/db",
        "Secret/extra",
    )


def test_a_pipeline_without_secrets_refers_to_nothing() -> None:
    stores = """
  source: {queue: {nats: {url: "nats://nats:4222"}}}
  sink: {milvus: {uri: "http://milvus:19530"}, objects: {uri: "s3://media"}, metadata: {uri: "postgresql://db/media"}}
"""
    assert references(pipeline(stores=stores)) == ()


@settings(deadline=None, max_examples=20)
@given(pipelines())
def test_digests_are_the_only_trace_of_a_secret(any_pipeline: MultimodalPipeline) -> None:
    found = plan(any_pipeline, CONTEXT)

    for each in found.manifests:
        assert each["kind"] != "Secret"
        for variable in _secret_variables(each):
            assert variable.keys() == {"name", "valueFrom"}


def _secret_variables(manifest: Manifest) -> list[Manifest]:
    """Of a Deployment's container; nothing else may speak of them."""
    text = json.dumps(manifest)
    if "MMPIPE_SECRET" not in text:
        return []
    env = container(manifest["spec"]["template"]["spec"])["env"]
    return [each for each in env if each["name"].startswith("MMPIPE_SECRET")]
