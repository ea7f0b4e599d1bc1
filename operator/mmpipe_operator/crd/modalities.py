"""One entry for all modalities: a structural schema can't choose a schema by ``name``, so it is the sum of all five.

It has every field of every modality with the loosest bounds, and a default only where all five agree. Notes beside the
fields (``OWNERS``, ``VARIANTS``, ``DEFAULTS``) say what the sum has lost; ``belonging`` makes CEL rules of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

type Schema = dict[str, Any]
type Variants = Mapping[str, Schema]

MODEL = "x-mmpipe-model"
"""Name of the pydantic model that a block is made from."""
OWNERS = "x-mmpipe-owners"
"""The modalities that have a field, where others don't."""
VARIANTS = "x-mmpipe-variants"
"""The values or bounds of a field by modality, where they differ: ``{"enum": {"image": [...], "audio": [...]}}``."""
DEFAULTS = "x-mmpipe-defaults"
"""The defaults of a field by modality, where not all five have the same."""
ENTRY = "Modality"
"""Stands where the entry's model would be named: it is the sum of several."""
NAMES = "x-mmpipe-names"
"""At the entry: the names of all modalities."""

_LOOSEST: Mapping[str, Callable[..., Any]] = {
    "minimum": min,
    "exclusiveMinimum": min,
    "minLength": min,
    "minItems": min,
    "maximum": max,
    "exclusiveMaximum": max,
    "maxLength": max,
    "maxItems": max,
}
_SAID = frozenset(("description", "default", "enum", "properties", "items", MODEL, *_LOOSEST))


def merged(variants: Variants) -> Schema:
    """The sum of the modalities' schemas, told apart by ``name``."""
    names = {"type": "string", "enum": list(variants), "description": "The modality."}
    entry = _block({name: _nameless(variant) for name, variant in variants.items()}, tuple(variants))
    entry["properties"] = {"name": names} | entry["properties"]
    description = "One modality through decode, clean, augment and embed."
    return entry | {"required": ["name"], "description": description, NAMES: list(variants), MODEL: ENTRY}


def listed(names: Sequence[str], last: str) -> str:
    """Names in words: ``image, video or depth``."""
    *others, final = names
    return f"{', '.join(others)} {last} {final}" if others else final


def default_of(field: Schema) -> Any:  # noqa: ANN401  # JSON
    """The default of a field in every modality that has it. Raises ValueError where they differ."""
    values = list(field.get(DEFAULTS, {"": field.get("default")}).values())
    if any(value != values[0] for value in values):
        raise ValueError(f"found the defaults {values}, expected one; teach crd.placing a rule for each modality")
    return values[0]


def _nameless(variant: Schema) -> Schema:
    return variant | {"properties": {name: field for name, field in variant["properties"].items() if name != "name"}}


def _sum(variants: Variants, names: tuple[str, ...]) -> Schema:
    if all("properties" in variant for variant in variants.values()):
        return _block(variants, names)
    return _same(variants) | _described(variants) | _bounded(variants) | _default(variants, names) | _items(variants)


def _block(variants: Variants, names: tuple[str, ...]) -> Schema:
    properties = {name: _field(name, variants, names) for name in _fields(variants)}
    filled: Schema = {} if any(variant.get("default") is None for variant in variants.values()) else {"default": {}}
    said = _same(variants) | _described(variants) | _model(variants) | filled
    return said | {"properties": properties, **_owned(tuple(variants), names)}


def _field(name: str, blocks: Variants, names: tuple[str, ...]) -> Schema:
    variants = {owner: block["properties"][name] for owner, block in blocks.items() if name in block["properties"]}
    return _sum(variants, names) | _owned(tuple(variants), tuple(blocks))


def _fields(variants: Variants) -> Iterator[str]:
    yield from dict.fromkeys(name for variant in variants.values() for name in variant["properties"])


def _owned(owners: tuple[str, ...], around: tuple[str, ...]) -> Schema:
    return {OWNERS: list(owners)} if owners != around else {}


def _same(variants: Variants) -> Schema:
    """What all say alike. Raises ValueError where they differ in a word that can't be summed."""
    first, *others = ({key: value for key, value in each.items() if key not in _SAID} for each in variants.values())
    if any(other != first for other in others):
        found = f"modalities {', '.join(variants)}: found {[first, *others]}"
        raise ValueError(f"{found}, expected them to agree; teach crd.modalities the sum")
    return first


def _model(variants: Variants) -> Schema:
    models = {variant.get(MODEL) for variant in variants.values()}
    return {MODEL: models.pop()} if len(models) == 1 else {}


def _described(variants: Variants) -> Schema:
    """The description, or one for each group of modalities that share one."""
    groups: dict[str, list[str]] = {}
    for name, variant in variants.items():
        groups.setdefault(variant.get("description", ""), []).append(name)
    if len(groups) == 1:
        return {"description": next(iter(groups))}
    return {"description": " ".join(f"{', '.join(names).capitalize()}: {text}" for text, names in groups.items())}


def _bounded(variants: Variants) -> Schema:
    """The loosest bounds and all values, with a note where the modalities differ."""
    node: Schema = {}
    differing: dict[str, dict[str, Any]] = {}
    for key in ("enum", *_LOOSEST):
        own = {name: variant[key] for name, variant in variants.items() if key in variant}
        if own and len(own) == len(variants):
            node[key] = _all_values(own) if key == "enum" else _LOOSEST[key](own.values())
        if own and any(own.get(name) != node.get(key) for name in variants):
            differing[key] = own
    return node | ({VARIANTS: differing} if differing else {})


def _all_values(own: Mapping[str, list[str]]) -> list[str]:
    return list(dict.fromkeys(value for values in own.values() for value in values))


def _items(variants: Variants) -> Schema:
    inner = {name: variant["items"] for name, variant in variants.items() if "items" in variant}
    return {"items": _sum(inner, tuple(inner))} if inner else {}


def _default(variants: Variants, names: tuple[str, ...]) -> Schema:
    """The default where all five have the same; else a sentence about it comes with the description."""
    defaults = {name: variant.get("default") for name, variant in variants.items()}
    values = list(defaults.values())
    if tuple(variants) == names and all(value == values[0] for value in values):
        return {"default": values[0]}
    return {DEFAULTS: defaults}
