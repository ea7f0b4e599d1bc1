"""The CRD in the hands of its users: kubectl, defaults, server-side apply, and the status that only we write."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from e2e.cluster.client import CRD
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.control_plane.model_verdict import of_the_model, takes
from e2e.control_plane.rule_cases import rule_case
from e2e.control_plane.schema_cases import BASE, MODALITIES, Case, cases, merged
from e2e.control_plane.verdicts import Verdict, creation, judged, status_change

from mmpipe.spec import from_object
from mmpipe_operator.crd import document, rules
from mmpipe_operator.kinds import PIPELINE, Manifest
from mmpipe_operator.names import KIND

pytestmark = pytest.mark.usefixtures("crd")

SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
EXAMPLES = sorted((Path(__file__).parents[2] / "examples/pipelines").glob("*.yaml"))
STATUS = {"stages": "3/4", "backlog": "10-99", "conditions": []}


def _pipeline(namespace: str, **spec: object) -> Manifest:
    document: Manifest = merged(BASE, _in(namespace) | {"spec": spec})
    return document


def _in(namespace: str) -> Manifest:
    return {"metadata": {"namespace": namespace}}


def _condition(**fields: object) -> Manifest:
    known = {"type": "Ready", "status": "False", "reason": "RolloutInProgress", "message": "wait"}
    return known | {"lastTransitionTime": "2026-01-01T00:00:00Z"} | fields


def test_the_api_server_finds_nothing_to_say_against_it(cluster: Cluster) -> None:
    found = cluster.client.get(CRD, "", document()["metadata"]["name"])["status"]["conditions"]

    assert {each["type"]: each["status"] for each in found} == {"Established": "True", "NamesAccepted": "True"}


def test_kubectl_get_shows_the_columns_by_every_name(cluster: Cluster, namespace: str, kubectl: Tool) -> None:
    cluster.client.create(PIPELINE, _pipeline(namespace))
    status = STATUS | {"conditions": [_condition()]}
    cluster.client.patch(PIPELINE, namespace, "bounds", {"status": status}, subresource="status")

    for name in ("mmp", "multimodalpipeline", "multimodalpipelines", "mmpipe", "all"):
        header, row, *_ = kubectl("get", name, "-n", namespace).splitlines()
        assert header.split() == ["NAME", "READY", "REASON", "STAGES", "QUEUE", "AGE"]
        assert row.split()[1:5] == ["False", "RolloutInProgress", "3/4", "10-99"]


def test_kubectl_explains_a_field_in_the_words_of_the_model(kubectl: Tool) -> None:
    said = kubectl("explain", "mmp.spec.sink.milvus.index.efSearch")

    assert "Candidates looked at while searching" in " ".join(said.split())


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_the_api_server_fills_in_is_what_the_model_fills_in(
    cluster: Cluster, namespace: str, modality: str
) -> None:
    given = _pipeline(namespace, modalities=[{"name": modality}])

    filled = cluster.client.create(PIPELINE, given)

    assert from_object(filled).spec == from_object(given).spec


def test_without_modalities_there_are_all_five(cluster: Cluster, namespace: str) -> None:
    given = _pipeline(namespace)
    del given["spec"]["modalities"]

    filled = cluster.client.create(PIPELINE, given)

    assert [each["name"] for each in filled["spec"]["modalities"]] == list(MODALITIES)
    assert from_object(filled).spec == from_object(given).spec


def test_what_keeps_a_bound_comes_back_as_the_same_pipeline(cluster: Cluster, namespace: str) -> None:
    kept = [case.kept for case in _acting() if case.bound in {"minimum", "enum", "maxProperties", "maxItems"}]

    verdicts = judged(cluster.client, namespace, kept)

    pairs = zip(kept, verdicts, strict=True)
    assert not [each for each, said in pairs if said.took and from_object(said.took).spec != from_object(each).spec]


def _acting() -> list[Case]:
    return [case for case in cases(SCHEMA, "spec") if case.acts]


def test_of_any_two_settings_together_the_server_says_what_the_model_says(cluster: Cluster, namespace: str) -> None:
    rule_cases = [rule_case(SCHEMA, placed) for placed in rules()]
    single = [each for case in rule_cases for each in (case.accepted, case.rejected)]
    chosen = random.Random(5)  # noqa: S311  # the same pairs every time
    settings = [*single, *(case.kept for case in chosen.sample(_acting(), 300))]
    pairs = [merged(*chosen.sample(settings, 2)) for _ in range(600)]

    verdicts = judged(cluster.client, namespace, pairs)

    answers = zip(pairs, verdicts, strict=True)
    assert not [(each["spec"], said.message) for each, said in answers if said.accepted != takes(each)]
    assert 100 < sum(said.accepted for said in verdicts) < 500


def test_kubectl_apply_takes_a_file_twice_and_keeps_what_changed(namespace: str, kubectl: Tool, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    first = _pipeline(namespace, serving={"maxBatchItems": 8}, worker={"template": {"labels": {"team": "search"}}})

    file.write_text(yaml.safe_dump(first), encoding="utf-8")
    kubectl("apply", "-f", str(file))
    file.write_text(yaml.safe_dump(_pipeline(namespace, serving={"maxBatchItems": 16})), encoding="utf-8")
    kubectl("apply", "-f", str(file))

    spec = json.loads(kubectl("get", "mmp", "bounds", "-n", namespace, "-o", "json"))["spec"]
    assert spec["serving"]["maxBatchItems"] == 16
    assert "labels" not in spec["worker"].get("template", {})


def test_two_managers_own_entries_of_one_list(cluster: Cluster, namespace: str) -> None:
    cluster.client.apply(PIPELINE, _pipeline(namespace, worker=_environment("A")), "one")

    cluster.client.apply(PIPELINE, _only(namespace, worker=_environment("B")), "two")

    worker = cluster.client.get(PIPELINE, namespace, "bounds")["spec"]["worker"]
    assert sorted(each["name"] for each in worker["template"]["env"]) == ["A", "B"]


def test_a_reference_to_a_secret_is_replaced_and_never_mixed(cluster: Cluster, namespace: str) -> None:
    cluster.client.apply(PIPELINE, _pipeline(namespace, **_token("one", "token")), "one")

    cluster.client.apply(PIPELINE, _only(namespace, **_token("two", "other")), "two")

    reference = cluster.client.get(PIPELINE, namespace, "bounds")["spec"]["sink"]["milvus"]["tokenSecretRef"]
    assert reference == {"name": "two", "key": "other"}


def _environment(name: str) -> Manifest:
    return {"template": {"env": [{"name": name, "value": "1"}]}}


def _token(name: str, key: str) -> Manifest:
    return {"sink": {"milvus": {"tokenSecretRef": {"name": name, "key": key}}}}


def _only(namespace: str, **spec: object) -> Manifest:
    """A second manager's part of the object."""
    return _pipeline(namespace) | {"spec": spec}


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_an_example_is_taken_by_the_server_and_by_the_model(cluster: Cluster, namespace: str, file: Path) -> None:
    documents = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each["kind"] == KIND]

    verdicts = judged(cluster.client, namespace, (merged(each, _in(namespace)) for each in documents))

    assert documents
    assert [verdict.message for verdict in verdicts if not verdict.accepted] == []
    assert [of_the_model(each) for each in documents] == [""] * len(documents)


def test_a_status_is_written_through_its_own_door_alone(cluster: Cluster, namespace: str) -> None:
    made = cluster.client.create(PIPELINE, _pipeline(namespace) | {"status": STATUS})
    assert made["status"] == {"observedGeneration": 0}  # the default: nobody has looked at it

    through = cluster.client.patch(PIPELINE, namespace, "bounds", {"status": STATUS}, subresource="status")

    assert through["status"] == made["status"] | STATUS
    assert through["metadata"]["generation"] == made["metadata"]["generation"]


def test_every_bound_of_the_status_is_held(cluster: Cluster, namespace: str) -> None:
    cluster.client.create(PIPELINE, _pipeline(namespace))

    def asked(status: Manifest) -> Verdict:
        return status_change(cluster.client, namespace, "bounds", status)

    those = [case for case in cases(SCHEMA, "status") if isinstance(case.broken["status"], dict)]
    outcomes = [(case, asked(case.kept["status"]), asked(case.broken["status"])) for case in those]

    assert len(outcomes) > 50
    assert not [(case.path, case.bound, good.message) for case, good, _ in outcomes if not good.accepted]
    assert not [(case.path, case.bound, bad.message) for case, _, bad in outcomes if not bad.names(case.path)]


def test_a_bad_file_is_told_by_kubectl_with_field_expectation_and_remedy(
    namespace: str, kubectl: Tool, tmp_path: Path
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(_pipeline(namespace, scaling={"minReplicas": 9})), encoding="utf-8")

    said = kubectl.run("apply", "-f", str(file))

    assert said.returncode != 0
    assert "spec.scaling.minReplicas" in said.stderr
    assert "expected at most maxReplicas; raise maxReplicas" in said.stderr


def test_one_object_costs_the_api_server_little(cluster: Cluster, namespace: str) -> None:
    """All five modalities with a template full of entries stay below the CEL budget of a single object."""
    environment = [{"name": f"E{place}", "value": "v" * 4096} for place in range(64)]
    template = {"env": environment, "labels": {f"l{place}": "v" * 63 for place in range(64)}}
    spec = {"modalities": [{"name": name, "template": template} for name in MODALITIES]}

    verdict = creation(cluster.client, namespace, _pipeline(namespace, **spec, gateway={"template": template}))

    assert verdict.accepted, verdict.message[:2000]
