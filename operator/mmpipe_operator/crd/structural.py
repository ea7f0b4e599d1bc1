"""From the resolved tree to what a CustomResourceDefinition may hold: a structural OpenAPI v3 schema.

Nothing is preserved that the schema does not know. Maps, and lists without a key, are replaced as a whole (atomic). Any
other block that may be empty has a default: a server-side apply that empties it sends null, which the API server takes
only where it can put a default in its place. It is the sum of the fields' defaults, though ``{}`` would be filled in
alike: the API server holds a default against the rules before it fills it in. Other empty defaults are left out, since
absent means the same and ``kubectl get -o yaml`` stays short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpipe_operator.crd.modalities import DEFAULTS, NAMES, OWNERS, Schema, listed
from mmpipe_operator.crd.rule import Placed, below
from mmpipe_operator.crd.smallest import smallest

_COPIED = (
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-map-type",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "required",
)


def structural(schema: Schema, rules: Mapping[str, Sequence[Placed]], at: str) -> Schema:
    """The structural schema of a resolved one, with its rules; ``at`` is its place."""
    node: Schema = {"description": _description(schema)} if schema.get("description") else {}
    node |= {key: schema[key] for key in _COPIED if key in schema} | _numbers(schema) | _const(schema)
    node |= _inside(schema, rules, at)
    if (default := _default(schema, node)) is not None:
        node["default"] = default
    if at in rules:
        node["x-kubernetes-validations"] = [placed.rule.manifest() for placed in rules[at]]
    return node


def some(schema: Schema) -> Any:  # noqa: ANN401  # JSON
    """The smallest value that a resolved schema takes: its default, or what is required and no more."""
    return smallest(structural(schema, {}, ""))


def _inside(schema: Schema, rules: Mapping[str, Sequence[Placed]], at: str) -> Schema:
    if "properties" in schema:
        fields = schema["properties"].items()
        return {"properties": {name: structural(field, rules, below(at, name)) for name, field in fields}}
    if "items" in schema:
        kept = {} if "x-kubernetes-list-type" in schema else {"x-kubernetes-list-type": "atomic"}
        return kept | {"items": structural(schema["items"], rules, f"{at}[]")}
    if isinstance(schema.get("additionalProperties"), dict):
        values = structural(schema["additionalProperties"], rules, f"{at}{{}}")
        return {"additionalProperties": values, "x-kubernetes-map-type": "atomic"}
    return {}


def _numbers(schema: Schema) -> Schema:
    """Bounds as OpenAPI 3.0 has them, whose exclusive bounds are flags."""
    node: Schema = {"format": "int64"} if schema.get("type") == "integer" else {}
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if flag in schema:
            node |= {bound: schema[flag], flag: True}
        elif bound in schema:
            node[bound] = schema[bound]
    return node


def _const(schema: Schema) -> Schema:
    return {"enum": [schema["const"]]} if "const" in schema else {}


def _default(schema: Schema, node: Schema) -> Any:  # noqa: ANN401  # JSON
    """The default that the API server fills in, or None."""
    default = schema.get("default")
    if default is None or default is False or default in ("", [], ()):
        return None
    if "properties" in node:
        return None if "required" in node else _filled(node) or _emptied(node)
    if "items" in schema and NAMES in schema["items"]:
        return [{"name": name} for name in schema["items"][NAMES]]
    return None if default == {} else default


def _emptied(node: Schema) -> Schema | None:
    """What takes the place of null: nothing has to where a block is replaced as a whole."""
    return None if node.get("x-kubernetes-map-type") == "atomic" else {}


def _filled(node: Schema) -> Schema:
    """All that a block has by default."""
    inner = {name: field["default"] for name, field in node["properties"].items() if "default" in field}
    return {name: default for name, default in inner.items() if default != {}}


def _description(schema: Schema) -> str:
    """One line; of a field that not every modality has, with whose it is and what it is by default."""
    owners = f"Only of {listed(schema[OWNERS], 'and')}. " if OWNERS in schema else ""
    return " ".join((owners + schema["description"] + _by_default(schema.get(DEFAULTS, {}))).split())


def _by_default(defaults: Mapping[str, object]) -> str:
    values = {name: value for name, value in defaults.items() if value not in (None, "", (), [], {})}
    if not values:
        return ""
    if len({str(value) for value in values.values()}) == 1:
        return f" Default: {_said(next(iter(values.values())))}."
    return " Default: " + ", ".join(f"{_said(value)} for {name}" for name, value in values.items()) + "."


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
