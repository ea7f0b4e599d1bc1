"""The typed values, and what is written from them: each has its words, its default and its place in the schema."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from chart.pages import entries, reference, values_schema, values_yaml
from chart.values import Values
from mmpipe_operator.running.settings import Settings

OPEN = {"Global"}
"""Blocks that take keys of others: a parent chart's own globals."""
PATHS = {path: default for path, _, default in entries(Values())}


def test_values_yaml_is_the_model_with_all_its_defaults() -> None:
    assert Values.model_validate(yaml.safe_load(values_yaml())) == Values()


def test_the_schema_knows_every_value_with_its_words_and_demands_none() -> None:
    schema = values_schema()

    for path, field, _ in entries(Values()):
        at = schema
        for name in path.split("."):
            block = _resolved(schema, at)
            assert name not in block.get("required", ()) or name == "repository" or "Probe" in str(at), path
            at = block["properties"][name]
        assert at["description"] == field.description, path


def _resolved(schema: dict[str, Any], at: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = schema["$defs"][at["$ref"].rpartition("/")[2]] if "$ref" in at else at
    return block


def test_every_value_has_its_words_in_the_file_and_on_the_page() -> None:
    lines = values_yaml().splitlines()
    rows = [line for line in reference().splitlines() if line.startswith("| `")]

    assert [path for path, field, _ in entries(Values()) if not field.description] == []
    assert [row.split("`")[1] for row in rows] == list(PATHS)
    assert [row for row in rows if not row.endswith(" |")] == []
    uncommented = [
        line
        for above, line in pairwise(lines)
        if line.strip().partition(":")[0] in Values.model_fields and not above.lstrip().startswith("#")
    ]
    assert uncommented == []


def test_every_object_of_the_schema_is_closed_but_for_those_that_hand_on() -> None:
    schema = values_schema()
    blocks = {"Values": schema, **schema["$defs"]}

    opened = {
        name for name, each in blocks.items() if "properties" in each and each.get("additionalProperties") is not False
    }

    assert opened == OPEN


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"replicaCount": "two"},
        {"replicaCount": 11},
        {"image": {"name": "x"}},
        {"image": {"digest": "sha256:short"}},
        {"imagePullSecrets": ["name"]},
        {"watchNamespaces": ["Upper"]},
        {"settings": {"logLevel": "debug"}},
        {"networkPolicy": {"neighbourPorts": [70_000]}},
        {"metrics": {"serviceMonitor": {"interval": "soon"}}},
        {"tolerations": [{"kye": "gpu"}]},
        {"extraVolumeMounts": [{"name": "ca"}]},
    ],
    ids=str,
)
def test_a_slip_is_refused(values: dict[str, Any]) -> None:
    """By the model; that Helm refuses the same by the schema is in e2e/control_plane/test_helm_templates.py."""
    with pytest.raises(ValidationError):
        Values.model_validate(values)


def test_a_parent_charts_own_globals_are_taken() -> None:
    assert Values.model_validate({"global": {"theirs": {"a": 1}}}) == Values.model_validate(
        {"global": {"theirs": {"a": 1}}}
    )


def test_every_setting_of_the_chart_is_one_of_the_operator_with_the_same_default() -> None:
    operator = Settings(identity="x")

    chart = {name: getattr(Values().settings, name) for name in type(Values().settings).model_fields}

    assert chart == {name: getattr(operator, name) for name in chart}
