from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.reconciling.difference import difference, quantity


def stored(manifest: Manifest, owned: dict[str, Any] | None = None) -> Manifest:
    """As the API server has it; all of the spec is ours where nothing else is said."""
    entry = {"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": owned or {"f:spec": {}}}
    return {**manifest, "metadata": {**manifest.get("metadata", {}), "managedFields": [entry]}}


def test_what_others_have_added_is_no_difference() -> None:
    planned = {"spec": {"a": 1, "volumes": [{"name": "data", "emptyDir": {}}]}}
    found = {
        "metadata": {"annotations": {"theirs": "kept"}},
        "spec": {"a": 1, "b": 2, "volumes": [{"name": "injected"}, {"name": "data", "emptyDir": {}}]},
    }

    assert not difference(planned, stored(found))


def test_a_changed_value_is_named_by_its_path() -> None:
    planned = {"spec": {"template": {"spec": {"containers": [{"name": "mmpipe", "image": "a"}]}}}}
    found = {"spec": {"template": {"spec": {"containers": [{"name": "mmpipe", "image": "b"}]}}}}

    assert difference(planned, stored(found)) == "spec.template.spec.containers[mmpipe].image"


@pytest.mark.parametrize(
    "found", [{}, {"spec": None}, {"spec": "text"}, {"spec": {"list": {}}}, {"spec": {"list": []}}]
)
def test_a_missing_or_foreign_value_is_a_difference(found: Manifest) -> None:
    assert difference({"spec": {"list": [1]}}, stored(found))


def test_a_list_without_keys_is_one_whole() -> None:
    planned = {"spec": {"egress": [{"ports": [{"port": 53}]}]}}

    assert difference(planned, stored({"spec": {"egress": [{"ports": [{"port": 53}, {"port": 25}]}]}}))
    assert difference(planned, stored({"spec": {"egress": [{"ports": [{"port": 53}]}, {}]}}))
    assert not difference(planned, stored({"spec": {"egress": [{"ports": [{"port": 53, "protocol": "TCP"}]}]}}))


def test_ports_go_by_number_and_protocol() -> None:
    planned = {"spec": {"ports": [{"port": 1, "protocol": "TCP", "name": "a"}]}}
    found = {"spec": {"ports": [{"port": 2, "protocol": "TCP"}, {"port": 1, "protocol": "TCP", "name": "a"}]}}

    assert not difference(planned, stored(found))


def test_an_amount_in_other_words_is_the_same() -> None:
    planned = {"spec": {"resources": {"requests": {"cpu": "1000m", "memory": "1Gi"}}, "emptyDir": {"sizeLimit": "1Gi"}}}
    found = {"spec": {"resources": {"requests": {"cpu": "1", "memory": "1024Mi"}}, "emptyDir": {"sizeLimit": "1Gi"}}}

    assert not difference(planned, stored(found))


def test_text_that_reads_like_a_number_is_text() -> None:
    assert difference({"metadata": {"labels": {"a": "1000m"}}}, stored({"metadata": {"labels": {"a": "1"}}}))


def test_a_field_that_we_own_and_no_longer_plan_is_given_up() -> None:
    planned = {"spec": {"a": 1}}
    owned: dict[str, Any] = {"f:spec": {"f:a": {}, "f:replicas": {}}}

    assert difference(planned, stored({"spec": {"a": 1, "replicas": 0}}, owned)) == "spec.replicas"


def test_an_entry_that_we_own_and_no_longer_plan_is_given_up() -> None:
    planned = {"spec": {"env": [{"name": "A", "value": "1"}]}}
    owned: dict[str, Any] = {
        "f:spec": {"f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}, 'k:{"name":"B"}': {".": {}}}}
    }
    found = {"spec": {"env": [{"name": "A", "value": "1"}, {"name": "B"}]}}

    assert difference(planned, stored(found, owned)) == "spec.env[B]"


@pytest.mark.parametrize(
    ("owned", "path"),
    [
        ({}, "spec"),
        ({"f:spec": {"f:env": {}}}, "spec.replicas"),
        ({"f:spec": {"f:replicas": {}, "f:env": {".": {}}}}, "spec.env[0]"),
        ({"f:spec": {"f:replicas": {}, "f:env": {'k:{"name":"A"}': {"f:name": {}}}}}, "spec.env[0].value"),
        ({"f:spec": {"f:replicas": {}, "f:env": {'k:{"name":"A"}': {"f:value": {}}}}}, "spec.env[0].name"),
    ],
    ids=["nothing", "a field", "an entry", "a field of an entry", "the name of an entry"],
)
def test_a_planned_value_that_is_not_ours_is_made_ours(owned: dict[str, Any], path: str) -> None:
    planned = {"spec": {"replicas": 0, "env": [{"name": "A", "value": "1"}]}}
    entry = {"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": owned}

    assert difference(planned, {**planned, "metadata": {"managedFields": [entry] if owned else []}}) == path


def test_what_we_own_and_plan_is_no_difference() -> None:
    planned = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"env": [{"name": "A", "value": "1"}]}}
    owned: dict[str, Any] = {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {"f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}},
    }

    assert not difference(planned, stored(planned, owned))


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1500m", "1.5"), ("2Gi", "2147483648"), ("1e3", "1000"), (3, "3"), ("0.5", "0.5"), ("1k", "1000")],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: object, amount: str) -> None:
    assert quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "Gi", "1.2.3", "abc", None, "1 Gi", "."])
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert quantity(text) is None
