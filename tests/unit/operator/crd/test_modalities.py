"""The sum of modalities, on small ones made here: what it keeps, what becomes a rule, what it can't sum."""

from __future__ import annotations

from typing import Any

import pytest

from mmpipe_operator.crd import belonging
from mmpipe_operator.crd.modalities import default_of, listed, merged
from mmpipe_operator.crd.structural import structural

NUMBER = {"type": "integer", "description": "How much.", "minimum": 1, "default": 5}


def _modality(**fields: dict[str, Any]) -> dict[str, Any]:
    name = {"type": "string", "const": "a"}
    return {"type": "object", "description": "One.", "properties": {"name": name, **fields}}


def _entry(**modalities: dict[str, Any]) -> dict[str, Any]:
    return structural(merged(modalities), {}, "")


def test_what_all_agree_on_stays_with_its_default() -> None:
    entry = _entry(text=_modality(size=NUMBER), image=_modality(size=NUMBER))

    assert entry["properties"]["size"] == NUMBER | {"format": "int64"}
    assert entry["properties"]["name"]["enum"] == ["text", "image"]
    assert entry["required"] == ["name"]


def test_a_default_that_differs_is_said_and_not_filled_in() -> None:
    size = _entry(text=_modality(size=NUMBER), image=_modality(size=NUMBER | {"default": 7}))["properties"]["size"]

    assert "default" not in size
    assert size["description"] == "How much. Default: 5 for text, 7 for image."


def test_a_field_of_one_modality_says_so_and_is_refused_in_the_others() -> None:
    summed = merged({"text": _modality(), "image": _modality(size=NUMBER)})

    (rule,) = belonging.rules(summed)

    assert structural(summed, {}, "")["properties"]["size"]["description"] == "Only of image. How much. Default: 5."
    assert rule.expression == "self.name in ['image'] || !(has(self.size))"
    assert rule.accepted == {"name": "image", "size": 5}
    assert rule.rejected == {"name": "text", "size": 5}


@pytest.mark.parametrize(
    ("word", "loose", "tight", "sign", "kept", "broken"),
    [
        ("minimum", 1, 3, ">=", 3, 2),
        ("exclusiveMinimum", 1, 3, ">", 4, 3),
        ("maximum", 9, 3, "<=", 3, 4),
        ("exclusiveMaximum", 9, 3, "<", 2, 3),
    ],
)
def test_the_loosest_bound_stays_and_the_tighter_becomes_a_rule(
    word: str, loose: int, tight: int, sign: str, kept: int, broken: int
) -> None:
    plain = {"type": "integer", "description": "How much."}
    summed = merged({"text": _modality(size=plain | {word: loose}), "image": _modality(size=plain | {word: tight})})

    (rule,) = belonging.rules(summed)

    assert summed["properties"]["size"][word] == loose
    assert rule.expression == f"self.name != 'image' || !(has(self.size)) || self.size {sign} {tight}"
    assert (rule.accepted["size"], rule.rejected["size"]) == (kept, broken)


def test_values_that_differ_are_summed_and_each_modality_keeps_its_own() -> None:
    plain = {"type": "string", "description": "How."}
    text, image = plain | {"enum": ["None", "Soft"]}, plain | {"enum": ["None", "Hard"]}
    summed = merged({"text": _modality(how=text), "image": _modality(how=image)})

    rules = list(belonging.rules(summed))

    assert summed["properties"]["how"]["enum"] == ["None", "Soft", "Hard"]
    assert [(rule.accepted["name"], rule.rejected["how"]) for rule in rules] == [("text", "Hard"), ("image", "Soft")]


def test_a_bound_that_only_one_has_is_not_in_the_sum() -> None:
    plain = {"type": "integer", "description": "How much."}
    summed = merged({"text": _modality(size=plain), "image": _modality(size=plain | {"maximum": 3})})

    (rule,) = belonging.rules(summed)

    assert "maximum" not in summed["properties"]["size"]
    assert rule.expression.endswith("self.size <= 3")


def test_fields_of_different_types_cannot_be_summed() -> None:
    with pytest.raises(ValueError, match=r"expected them to agree; teach crd\.modalities the sum"):
        merged({"text": _modality(size=NUMBER), "image": _modality(size={"type": "string", "description": "Text."})})


def test_defaults_that_differ_are_no_single_default() -> None:
    summed = merged({"text": _modality(size=NUMBER), "image": _modality(size=NUMBER | {"default": 7})})

    with pytest.raises(ValueError, match="expected one"):
        default_of(summed["properties"]["size"])


def test_names_are_listed_as_in_a_sentence() -> None:
    assert listed(["image"], "or") == "image"
    assert listed(["image", "video", "depth"], "or") == "image, video or depth"
