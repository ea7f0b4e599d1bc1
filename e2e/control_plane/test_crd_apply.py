"""Server-side apply of a pipeline: what a user has set can be emptied again, and two can share its modalities.

An apply that empties a block sends null for it, which the API server takes only where the schema says what stands there
instead; so each kind of node has its case here.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e.cluster.client import ApiError
from e2e.cluster.session import Cluster
from e2e.control_plane.schema_cases import BASE

from mmpipe_operator.kinds import PIPELINE, Manifest

NAME = "applied"
EMPTIED: dict[str, tuple[Manifest, Manifest]] = {
    "a template": ({"worker": {"template": {"image": "a"}}}, {"worker": {"template": {}}}),
    "a map": ({"worker": {"template": {"labels": {"a": "b"}}}}, {"worker": {"template": {"labels": {}}}}),
    "a list with a key": ({"worker": {"template": {"env": [{"name": "A"}]}}}, {"worker": {"template": {"env": []}}}),
    "a list without one": (
        {"worker": {"template": {"tolerations": [{"key": "a"}]}}},
        {"worker": {"template": {"tolerations": []}}},
    ),
    "resources": (
        {"worker": {"template": {"resources": {"limits": {"cpu": "1"}}}}},
        {"worker": {"template": {"resources": {}}}},
    ),
    "limits": (
        {"worker": {"template": {"resources": {"limits": {"cpu": "1"}}}}},
        {"worker": {"template": {"resources": {"limits": {}}}}},
    ),
    "an affinity": (
        {"worker": {"template": {"affinity": {"podAffinity": {}}}}},
        {"worker": {"template": {"affinity": {}}}},
    ),
    "a volume's folder": (
        {"worker": {"template": {"volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}]}}},
        {"worker": {"template": {"volumes": [{"name": "a", "emptyDir": {}}]}}},
    ),
    "KEDA's pace": (
        {"scaling": {"mode": "KEDA", "keda": {"pollingIntervalSeconds": 5}}},
        {"scaling": {"mode": "KEDA", "keda": {}}},
    ),
    "weights": ({"fusion": {"weights": {"image": 2}}}, {"fusion": {"weights": {}}}),
    "certificates": (
        {
            "gateway": {
                "tls": {
                    "certificateSecretRef": {"name": "a", "key": "b"},
                    "privateKeySecretRef": {"name": "a", "key": "c"},
                }
            }
        },
        {"gateway": {"tls": {}}},
    ),
    "blocks of a modality": (
        {"modalities": [{"name": "image", "decode": {"size": 64}, "scaling": {"maxReplicas": 3}}]},
        {"modalities": [{"name": "image", "decode": {}, "scaling": {}}]},
    ),
    "gates": (
        {"modalities": [{"name": "image", "clean": {"gates": {"minContrast": 1}}}]},
        {"modalities": [{"name": "image", "clean": {"gates": {}}}]},
    ),
}
"""Two specs by what the second leaves empty."""


@pytest.fixture(scope="module")
def somewhere(cluster: Cluster, crd: None) -> str:  # noqa: ARG001  # it must be there
    return cluster.new_namespace("applying")


@pytest.mark.parametrize("what", EMPTIED)
def test_what_an_apply_has_set_another_can_empty(cluster: Cluster, somewhere: str, what: str) -> None:
    first, second = EMPTIED[what]
    try:
        _apply(cluster, somewhere, first)

        assert _said(cluster, somewhere, second) == ""
    finally:
        cluster.client.delete(PIPELINE, somewhere, NAME)


def test_two_appliers_share_the_list_of_modalities(cluster: Cluster, somewhere: str) -> None:
    try:
        _apply(cluster, somewhere, {"modalities": [{"name": "image"}]})
        text = _document(somewhere, {"modalities": [{"name": "text"}]})
        spec = cluster.client.apply(PIPELINE, text, "another")["spec"]
    finally:
        cluster.client.delete(PIPELINE, somewhere, NAME)

    assert [each["name"] for each in spec["modalities"]] == ["image", "text"]


def _said(cluster: Cluster, namespace: str, spec: Manifest) -> str:
    """What the server says against it."""
    try:
        _apply(cluster, namespace, spec)
    except ApiError as error:
        return error.message
    return ""


def _apply(cluster: Cluster, namespace: str, spec: Manifest) -> Manifest:
    return cluster.client.apply(PIPELINE, _document(namespace, spec), "user")


def _document(namespace: str, spec: dict[str, Any]) -> Manifest:
    return BASE | {"metadata": {"name": NAME, "namespace": namespace}, "spec": BASE["spec"] | spec}
