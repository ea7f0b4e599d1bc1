"""What an object needs that is meant for a cluster: as the API server returns it, with stores that all pods share."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mmpipe.spec import Problem, SpecError, from_object, in_cluster, parse

CLUSTER: dict[str, Any] = {
    "apiVersion": "mmpipe.dev/v1alpha1",
    "kind": "MultimodalPipeline",
    "metadata": {"name": "media"},
    "spec": {
        "modalities": [{"name": "image"}],
        "source": {"queue": {"nats": {"url": "tls://nats:4222"}}},
        "sink": {
            "milvus": {"uri": "http://milvus:19530"},
            "objects": {"uri": "s3://media"},
            "metadata": {"uri": "postgresql://db/media"},
        },
    },
}


def _with(path: str, value: object) -> dict[str, Any]:
    """The object with another value at a path."""
    document = copy.deepcopy(CLUSTER)
    *above, last = path.split(".")
    block = document
    for step in above:
        block = block.setdefault(step, {})
    block[last] = value
    return document


def _sentences(document: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        from_object(document)
    return [str(problem) for problem in caught.value.problems]


def _problem(document: dict[str, Any]) -> Problem:
    (problem,) = in_cluster(from_object(document))
    return problem


def test_what_a_cluster_needs_is_all_there() -> None:
    assert in_cluster(from_object(CLUSTER)) == ()


def test_an_object_of_one_machine_lacks_all_that_pods_share() -> None:
    bare = parse("{apiVersion: mmpipe.dev/v1alpha1, kind: MultimodalPipeline, metadata: {name: media}}")

    assert [problem.path for problem in in_cluster(bare)] == [
        "spec.source.queue.nats.url",
        "spec.sink.milvus.uri",
        "spec.sink.objects.uri",
        "spec.sink.metadata.uri",
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.source.queue.nats.url", "nats:4222"),
        ("spec.sink.milvus.uri", "unix:/run/milvus"),
        ("spec.sink.milvus.uri", "/var/lib/milvus"),
        ("spec.sink.milvus.uri", "unix://milvus"),
        ("spec.sink.objects.uri", "file:///data"),
        ("spec.sink.metadata.uri", "sqlite:///data.db"),
    ],
)
def test_a_store_that_one_pod_has_for_itself_is_refused_with_the_remedy(path: str, value: str) -> None:
    problem = _problem(_with(path, value))

    assert (problem.path, problem.found) == (path, repr(value))
    assert problem.remedy == "name one: under Kubernetes all pods share it"


@pytest.mark.parametrize("name", ["a" * 41, "9lives"])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    problem = _problem(_with("metadata.name", name))

    assert (problem.path, problem.found) == ("metadata.name", repr(name))


def test_the_longest_name_is_taken() -> None:
    assert in_cluster(from_object(_with("metadata.name", "a" * 40))) == ()


def test_an_object_is_read_with_kubernetes_own_metadata_and_without_its_status() -> None:
    returned = copy.deepcopy(CLUSTER)
    returned["status"] = {"conditions": [], "observedGeneration": 3}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "x" * 5000}
    returned["metadata"] |= {"uid": "7", "managedFields": [{"manager": "kubectl"}], "annotations": applied}

    pipeline = from_object(returned)

    assert pipeline.spec == from_object(CLUSTER).spec
    assert pipeline.metadata.annotations == applied


def test_reading_an_object_leaves_it_as_it_was() -> None:
    document = _with("status", {"stages": "1/1"})

    from_object(document)

    assert document["status"] == {"stages": "1/1"}


def test_a_fault_of_an_object_names_where_it_came_from() -> None:
    with pytest.raises(SpecError, match=r"^media: spec\.topology: found 'Ring'"):
        from_object(_with("spec.topology", "Ring"), "media")


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("spec.scaling", {"keda": {}}, "spec.scaling.keda: found it with mode HPA"),
        ("spec.sink.milvus.dimension", 64, "spec.sink.milvus.dimension: found 64, expected 128, that of builtin:tiny"),
        ("spec.gateway.scaling", {"minReplicas": 3, "maxReplicas": 2}, "spec.gateway.scaling.minReplicas: found 3"),
        ("spec.worker.scaling", {"minReplicas": 5}, "spec.worker.scaling.minReplicas: found 5"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(path: str, value: object, sentence: str) -> None:
    (said,) = _sentences(_with(path, value))

    assert said.startswith(sentence)


def test_an_override_of_a_modality_is_held_against_the_pipelines_bounds() -> None:
    (said,) = _sentences(_with("spec.modalities", [{"name": "text", "scaling": {"minReplicas": 5}}]))

    assert "minReplicas: found 5, expected at most maxReplicas" in said


def test_an_override_may_raise_both_bounds() -> None:
    own = {"minReplicas": 8, "maxReplicas": 9}

    assert in_cluster(from_object(_with("spec.worker.scaling", own))) == ()


def test_the_pace_of_keda_has_defaults_with_its_mode() -> None:
    keda = from_object(_with("spec.scaling", {"mode": "KEDA", "keda": {}})).spec.scaling.keda

    assert keda is not None
    assert (keda.polling_interval_seconds, keda.cooldown_seconds, keda.fallback) == (30, 300, None)


def test_the_dimension_of_a_model_that_nobody_knows_is_believed() -> None:
    document = _with("spec.sink.milvus.dimension", 768)
    document["spec"]["modalities"] = [{"name": "image", "embed": {"model": {"uri": "/models/clip"}}}]

    assert from_object(document).spec.sink.milvus.dimension == 768


def test_revisions_of_one_model_are_models_of_their_own() -> None:
    entries = [
        {"name": name, "embed": {"model": {"uri": "acme/clip", "revision": revision}}}
        for name, revision in (("image", "aaa"), ("text", "bbb"))
    ]

    (said,) = _sentences(_with("spec.modalities", entries))

    assert said.startswith("spec.modalities: found acme/clip@aaa, acme/clip@bbb, expected one embed.model")


def test_how_the_gateway_is_reached_can_be_said() -> None:
    service = from_object(_with("spec.gateway", {"service": {"type": "LoadBalancer"}})).spec.gateway.service

    assert service.type == "LoadBalancer"
    assert from_object(CLUSTER).spec.gateway.service.type == "ClusterIP"
