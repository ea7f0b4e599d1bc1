"""What the API server and its clients read of the adapter: values, problems, discovery, OpenAPI."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from mmpipe_operator.metrics_adapter import discovery, openapi
from mmpipe_operator.metrics_adapter.problems import ApiProblem, document
from mmpipe_operator.metrics_adapter.request import Question
from mmpipe_operator.metrics_adapter.values import Reading, value_list

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
GROUP_VERSION = "custom.metrics.k8s.io/v1beta2"


def test_a_value_has_exactly_one_item_that_names_what_it_is_about() -> None:
    asked = Question("team", "media", "queue_depth", {"modality": "image"})
    assert value_list(asked, Reading(42, NOW)) == {
        "kind": "MetricValueList",
        "apiVersion": GROUP_VERSION,
        "metadata": {},
        "items": [
            {
                "describedObject": {
                    "kind": "MultimodalPipeline",
                    "namespace": "team",
                    "name": "media",
                    "apiVersion": "mmpipe.dev/v1alpha1",
                },
                "metric": {"name": "queue_depth", "selector": {"matchLabels": {"modality": "image"}}},
                "timestamp": "2026-01-02T03:04:05Z",
                "value": "42",
            }
        ],
    }


def test_a_metric_of_the_whole_pipeline_has_no_selector() -> None:
    (item,) = value_list(Question("team", "media", "queue_depth"), Reading(0, NOW))["items"]
    assert item["metric"] == {"name": "queue_depth"}
    assert item["value"] == "0"


def test_every_problem_has_a_status_and_a_reason_of_kubernetes() -> None:
    found = {problem.reason: problem.status.value for problem in ApiProblem.__subclasses__()}
    assert found == {
        "BadRequest": 400,
        "Unauthorized": 401,
        "Forbidden": 403,
        "NotFound": 404,
        "MethodNotAllowed": 405,
        "NotAcceptable": 406,
        "ServiceUnavailable": 503,
    }
    assert document(HTTPStatus.NOT_FOUND, "NotFound", "none") == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "none",
        "reason": "NotFound",
        "code": 404,
    }


def test_discovery_names_the_group_its_version_and_each_metric_by_its_resource() -> None:
    version = {"groupVersion": GROUP_VERSION, "version": "v1beta2"}
    assert discovery.groups()["groups"] == [
        {"name": "custom.metrics.k8s.io", "versions": [version], "preferredVersion": version}
    ]
    assert discovery.group()["name"] == "custom.metrics.k8s.io"
    assert [(each["name"], each["namespaced"], each["verbs"]) for each in discovery.resources()["resources"]] == [
        ("multimodalpipelines.mmpipe.dev/queue_depth", True, ["get"]),
        ("multimodalpipelines.mmpipe.dev/service_depth", True, ["get"]),
    ]


@pytest.mark.parametrize(
    ("accept", "only"),
    [
        (AGGREGATED, True),
        (f"{AGGREGATED}, application/json; g=apidiscovery.k8s.io; v=v2beta1; as=APIGroupDiscoveryList", True),
        (f"{AGGREGATED},application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_whoever_accepts_only_aggregated_discovery_is_known(accept: str, *, only: bool) -> None:
    assert discovery.wants_aggregated(accept) is only


def references(found: Any) -> set[str]:  # noqa: ANN401  # JSON
    """All ``$ref`` in a document."""
    if isinstance(found, list):
        return set().union(*map(references, found))
    if not isinstance(found, dict):
        return set()
    own = {found["$ref"]} if "$ref" in found else set()
    return own.union(*map(references, found.values()))


def test_both_openapi_documents_describe_every_metric_and_refer_to_what_is_there() -> None:
    second, third = openapi.version_2(), openapi.version_3()
    root = f"/apis/{GROUP_VERSION}/namespaces/{{namespace}}/multimodalpipelines.mmpipe.dev/{{name}}"
    assert set(second["paths"]) == set(third["paths"]) == {f"{root}/queue_depth", f"{root}/service_depth"}
    assert references(second) == {f"#/definitions/{name}" for name in second["definitions"]}
    assert references(third) == {f"#/components/schemas/{name}" for name in third["components"]["schemas"]}
    operations = [each["get"]["operationId"] for each in second["paths"].values()]
    assert len(set(operations)) == len(operations)


def test_the_index_leads_to_the_document_by_an_address_that_changes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ((path, entry),) = openapi.index()["paths"].items()
    assert path == f"apis/{GROUP_VERSION}"
    assert entry["serverRelativeURL"].startswith(f"/openapi/v3/apis/{GROUP_VERSION}?hash=")
    monkeypatch.setattr(openapi, "_TITLE", {"title": "another", "version": "v1beta2"})
    assert openapi.index()["paths"][path] != entry
