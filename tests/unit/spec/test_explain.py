"""The spec explains itself at every path, and the JSON Schema says the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mmpipe.spec import SpecError, explain, schema
from mmpipe.spec.explain import BlockExplained


def _blocks(path: str = "") -> Iterator[BlockExplained]:
    block = explain(path)
    yield block
    for field in block.fields:
        if field.is_block:
            yield from _blocks(f"{block.path}.{field.name}".strip("."))


BLOCKS = {block.path: block for block in _blocks()}
FIELDS = [(block, field) for block in BLOCKS.values() for field in block.fields]


@pytest.mark.parametrize("block", BLOCKS.values(), ids=list(BLOCKS))
def test_every_block_says_what_it_is(block: BlockExplained) -> None:
    assert block.description.endswith(".")
    assert block.fields
    for field in block.fields:
        assert field.description, field.name


@pytest.mark.parametrize(("block", "name"), [(block, field.name) for block, field in FIELDS if not field.is_block])
def test_every_field_is_explained_by_its_own_path(block: BlockExplained, name: str) -> None:
    path = f"{block.path}.{name}".strip(".")

    alone = explain(path)

    assert alone.path == path
    assert alone.fields == tuple(field for field in block.fields if field.name == name)


def test_a_field_shows_type_default_and_bounds() -> None:
    (field,) = explain("modalities.image.decode.size").fields

    assert (field.type, field.default) == ("integer >= 16 <= 4096", "224")


def test_a_field_behind_a_named_type_shows_the_plain_type() -> None:
    assert explain("sink.milvus.uri").fields[0].type == "string"
    assert explain("scaling.minReplicas").fields[0].type == "integer >= 0 <= 1000"


def test_a_field_that_may_be_absent_shows_the_type_of_its_value() -> None:
    (field,) = explain("gateway.scaling.maxReplicas").fields

    assert (field.type, field.default) == ("integer >= 1 <= 1000", "none")


def test_a_field_shows_its_values() -> None:
    assert explain("fusion.strategy").fields[0].type == "None | Late | Gated | Early | Hybrid"


def test_a_field_that_must_be_given_says_so() -> None:
    assert explain("source.queue.nats.url").fields[0].default == "required"


def test_a_field_says_whether_it_acts() -> None:
    assert explain("fusion.whenMissing").fields[0].acts == ""
    assert explain("topology").fields[0].acts == "for services only"
    assert explain("alignment.temporal").fields[0].acts.startswith("not yet: temporal alignment comes with")


def test_the_first_step_may_be_left_out() -> None:
    assert explain("spec.sink.milvus") == explain("sink.milvus")


def test_without_a_path_the_object_itself_is_explained() -> None:
    assert [field.name for field in explain().fields] == ["apiVersion", "kind", "metadata", "spec"]


def test_the_modalities_are_listed_by_name() -> None:
    assert [field.name for field in explain("modalities").fields] == ["text", "image", "audio", "video", "depth"]


def test_each_modality_has_its_own_options() -> None:
    assert "metresPerUnit" in {field.name for field in explain("modalities.depth.decode").fields}
    assert "metresPerUnit" not in {field.name for field in explain("modalities.text.decode").fields}


UNKNOWN = {
    "sink.milvus.indx": (
        "spec.sink.milvus.indx: found no such field, expected one of uri, alias, database, tokenSecretRef, "
        "dimension, index, rollbackWindowSeconds; run mmpipe spec explain without a path"
    ),
    "modalities.smell": (
        "spec.modalities.smell: found no such modality, expected one of text, image, audio, video, depth; "
        "name one after modalities"
    ),
    "modalities.decode": (
        "spec.modalities.decode: found no such modality, expected one of text, image, audio, video, depth; "
        "name one after modalities"
    ),
    "sink.milvus.uri.host": (
        "spec.sink.milvus.uri.host: found no such field, expected one of uri, alias, database, tokenSecretRef, "
        "dimension, index, rollbackWindowSeconds; run mmpipe spec explain without a path"
    ),
}


@pytest.mark.parametrize(("path", "sentence"), UNKNOWN.items(), ids=list(UNKNOWN))
def test_an_unknown_path_is_said_with_what_stands_there(path: str, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        explain(path)

    assert str(error.value) == sentence


def test_the_schema_has_the_names_of_the_yaml_and_no_others() -> None:
    for name, model in schema()["$defs"].items():
        for field in model.get("properties", {}):
            assert "_" not in field, f"{name}.{field}"


def test_the_schema_is_closed_to_unknown_fields_but_for_kubernetes_metadata() -> None:
    open_models = {name for name, model in schema()["$defs"].items() if model.get("additionalProperties") is not False}

    assert {name for name in open_models if "properties" in schema()["$defs"][name]} == {"ObjectMeta"}


def test_the_schema_describes_every_field() -> None:
    for name, model in schema()["$defs"].items():
        for field, value in model.get("properties", {}).items():
            assert value.get("description") or "$ref" in value or "anyOf" in value, f"{name}.{field}"
