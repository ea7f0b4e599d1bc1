"""The CRD as a whole: structural, bounded, described, small, and complete against the model it is made from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.control_plane.schema_cases import nodes
from pydantic import BaseModel

from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.pipeline import MODALITY_SPECS, PipelineSpec
from mmpipe.spec.walk import model_of
from mmpipe_operator.crd import COLUMNS, document, rules
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import STATUS_SCHEMA

DOCUMENT = document()
(VERSION,) = DOCUMENT["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
SPEC = SCHEMA["properties"]["spec"]
FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "const", "title", "propertyNames", "discriminator"}
"""Words of JSON Schema that a structural schema can't have, or that say nothing in it."""


BOUNDS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems", "maxProperties", "enum", "const", "type"),
)


def test_the_schema_has_no_word_that_a_structural_one_cant_have() -> None:
    found = {word for _, node in nodes(SPEC, ("spec",)) for word in node if word in FORBIDDEN or "x-mmpipe" in word}

    assert not found
    assert "preserve-unknown" not in json.dumps(DOCUMENT)


def test_exclusive_bounds_are_flags() -> None:
    flags = [node[flag] for _, node in nodes(SPEC, ("spec",)) for flag in node if flag.startswith("exclusive")]

    assert flags
    assert set(flags) == {True}


def test_no_list_text_or_map_of_the_spec_is_without_a_bound() -> None:
    bounds = {"array": "maxItems", "string": "maxLength", "object": "properties"}

    assert not [
        steps
        for root in ("spec", "status")
        for steps, node in nodes(SCHEMA["properties"][root], (root,))
        if node["type"] in bounds and not {bounds[node["type"]], "enum", "maxProperties", "format"} & set(node)
    ]


def test_every_field_has_a_description_of_one_line() -> None:
    fields = [(steps, node) for steps, node in nodes(SPEC, ("spec",)) if steps[-1] not in {"[]", "{}"}]

    assert not [steps for steps, node in fields if not node.get("description")]
    assert not [steps for steps, node in fields if "\n" in node["description"]]


def test_it_is_well_below_what_etcd_and_the_last_applied_annotation_can_hold() -> None:
    assert len(json.dumps(DOCUMENT)) < 250_000


def test_the_rules_are_in_the_schema_each_once() -> None:
    placed = [(each.at, each.rule.expression) for each in rules()]
    written = [rule for _, node in nodes(SCHEMA, ()) for rule in node.get("x-kubernetes-validations", ())]

    assert len(set(placed)) == len(placed) == len(written)


def test_every_rule_has_a_message_with_a_remedy_that_fits() -> None:
    assert not [each.path for each in rules() if not each.rule.remedy or len(each.rule.message) > 2048]


def test_the_status_is_that_of_the_operator() -> None:
    assert SCHEMA["properties"]["status"] == STATUS_SCHEMA
    assert VERSION["subresources"] == {"status": {}}


def test_what_kubectl_get_shows() -> None:
    assert [column["name"] for column in COLUMNS] == ["Ready", "Reason", "Stages", "Queue", "Age"]
    assert VERSION["additionalPrinterColumns"] == list(COLUMNS)
    assert DOCUMENT["spec"]["names"]["shortNames"] == ["mmp"]
    assert DOCUMENT["spec"]["names"]["categories"] == ["all", "mmpipe"]


LIST_MAPS = {
    ("modalities",): "name",
    ("gateway", "template", "env"): "name",
    ("gateway", "template", "volumes"): "name",
    ("gateway", "template", "volumeMounts"): "mountPath",
    ("gateway", "template", "imagePullSecrets"): "name",
}


@pytest.mark.parametrize(("path", "key"), LIST_MAPS.items(), ids=[".".join(path) for path in LIST_MAPS])
def test_entries_that_have_a_name_are_merged_by_it(path: tuple[str, ...], key: str) -> None:
    node = _at(path)

    assert node["x-kubernetes-list-type"] == "map"
    assert node["x-kubernetes-list-map-keys"] == [key]
    assert key in node["items"]["required"]


def test_a_reference_to_a_secret_is_replaced_as_a_whole() -> None:
    assert _at(("sink", "milvus", "tokenSecretRef"))["x-kubernetes-map-type"] == "atomic"


def test_every_field_of_the_model_is_in_the_schema_and_none_besides() -> None:
    modelled = {path for path, _ in _fields(PipelineSpec, ())}
    written = {steps[1:] for steps, _ in nodes(SPEC, ("spec",)) if steps[-1] not in {"spec", "[]", "{}"}}

    assert written == modelled


def test_every_bound_of_the_model_is_in_the_schema() -> None:
    bounds = [(path, key, own[key]) for path, own in _fields(PipelineSpec, ()) for key in BOUNDS if key in own]

    assert len(bounds) > 500
    assert not [bound for bound in bounds if not _agrees(*bound)]


def _fields(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Manifest]]:
    """Every field of a model and below it: its way through the CRD's schema, and its own JSON Schema."""
    whole = model.model_json_schema(by_alias=True)
    for name, info in model.model_fields.items():
        path = (*above, info.alias or name)
        own = _plain(whole["properties"][path[-1]], whole.get("$defs", {}))
        yield path, own
        inner = MODALITY_SPECS.values() if path == ("modalities",) else (model_of(info.annotation),)
        for each in filter(None, inner):
            yield from _fields(each, (*path, "[]") if own["type"] == "array" else path)


def _plain(schema: Manifest, named: Manifest) -> Manifest:
    """The schema behind a reference, and of the value where there may be none."""
    if "$ref" in schema:
        return _plain(named[schema["$ref"].removeprefix("#/$defs/")], named)
    if "anyOf" in schema:
        return _plain(next(choice for choice in schema["anyOf"] if choice.get("type") != "null"), named)
    return schema


def _agrees(path: tuple[str, ...], key: str, value: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether the schema has the model's bound; of the entry that is the sum of five, one that lets it through."""
    written = _at(path)
    if key.startswith("exclusive"):
        return (written.get(key), written[key.removeprefix("exclusive").lower()]) == (True, value)
    if key == "const" or (key == "enum" and path[0] == "modalities"):
        return set(written["enum"]) >= set(value if key == "enum" else [value])
    return bool(written.get(key) == value)


def test_the_defaults_are_those_of_the_model_where_the_schema_has_one() -> None:
    for name, model in MODALITY_SPECS.items():
        defaults = model().model_dump(mode="json", by_alias=True)
        for steps, node in nodes(_at(("modalities",))["items"], ()):
            if "default" not in node or "[]" in steps or "template" in steps or node["type"] == "object":
                continue
            assert node["default"] == _dig(defaults, steps), (name, steps)


def _at(path: tuple[str, ...]) -> Manifest:
    node: Manifest = SPEC
    for step in path:
        node = node["items"] if step == "[]" else node["properties"][step]
    return node


def _dig(found: object, steps: tuple[str, ...]) -> object:
    for step in steps:
        found = found[step] if isinstance(found, dict) else None
    return found


def test_the_kind_is_that_of_the_model() -> None:
    kind = MultimodalPipeline.model_fields["kind"].annotation

    assert DOCUMENT["spec"]["names"]["kind"] in str(kind)
    assert DOCUMENT["metadata"]["name"] == "multimodalpipelines.mmpipe.dev"
