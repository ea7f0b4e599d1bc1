"""The CRD's rules, each at its place: those of the models, and those that follow from the resolved tree itself.

From the tree follow: what belongs to which modality, settings that do not act yet, URIs without a password, and the
names in maps, which OpenAPI 3.0 can't bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpipe.spec.acting import SHARED_URIS
from mmpipe.spec.model import LATER

from mmpipe_operator.crd.crossing import CROSSING
from mmpipe_operator.crd.modalities import DEFAULTS, NAMES, OWNERS, VARIANTS, Schema, default_of
from mmpipe_operator.crd.needs import NEEDS
from mmpipe_operator.crd.resolving import MODEL
from mmpipe_operator.crd.rule import Placed, Rule, has, literal, text
from mmpipe_operator.crd.smallest import smallest
from mmpipe_operator.crd.structural import structural
from mmpipe_operator.crd.unchanging import UNCHANGING

_ACTING = "a value that acts in this release"
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_PASSWORD_REMEDY = "take it out and name the secret that holds it in the SecretRef field beside it"  # noqa: S105  # words


def placed(schema: Schema, at: str = "") -> Iterator[Placed]:
    """Every rule of the schema at this place and below it."""
    yield from (Placed(at, rule) for rule in _of_model(schema.get(MODEL, "")))
    yield from (Placed(at, rule) for rule in _of_node(schema, at))
    for name, field in schema.get("properties", {}).items():
        yield from placed(field, f"{at}.{name}")
    if "items" in schema:
        yield from placed(schema["items"], f"{at}[]")


def _of_model(name: str) -> Iterator[Rule]:
    for rules in (CROSSING, NEEDS, UNCHANGING):
        yield from rules.get(name, ())


def _of_node(schema: Schema, at: str) -> Iterator[Rule]:
    if NAMES in schema:
        yield from _of_modalities(schema)
    if "not" in schema:
        yield _without(schema["not"]["pattern"], at)
    if "propertyNames" in schema:
        yield from _names(schema["propertyNames"], schema)
    if LATER in schema and default_of(schema) is not None:
        yield _later(schema)
    yield from (
        _absent(name, field)
        for name, field in schema.get("properties", {}).items()
        if LATER in field and default_of(field) is None
    )


def _of_modalities(entry: Schema) -> Iterator[Rule]:
    for path, field, owners in _fields(entry, entry[NAMES], ""):
        if OWNERS in field:
            yield _belongs(path, field, owners, entry[NAMES])
        for bound, own in field.get(VARIANTS, {}).items():
            yield from (
                _variant(path, bound, value, name, field) for name, value in own.items() if value != field.get(bound)
            )
        inner = field.get("items", {}).get(VARIANTS, {}).get("enum", {})
        yield from (_entries(path, values, name, field) for name, values in inner.items())


def _fields(block: Schema, owners: list[str], path: str) -> Iterator[tuple[str, Schema, list[str]]]:
    for name, field in block["properties"].items():
        own, here = field.get(OWNERS, owners), f"{path}.{name}".removeprefix(".")
        yield here, field, own
        if "properties" in field and name not in {"template", "scaling", "embed"}:
            yield from _fields(field, own, here)


def _belongs(path: str, field: Schema, owners: list[str], names: list[str]) -> Rule:
    stranger = next(name for name in names if name not in owners)
    default = field.get(DEFAULTS, {}).get(owners[0])
    value = _some(field) if default is None else default
    return Rule(
        expression=f"self.name in {literal(owners)} || !({has(path)})",
        shown="'it with modality ' + self.name",
        expected=f"it only with {' or '.join(owners)}",
        remedy=f"remove {path} or move it to its modality",
        accepted={"name": owners[0], **_nested(path, value)},
        rejected={"name": stranger, **_nested(path, value)},
        field=f".{path}",
        reason="FieldValueForbidden",
    )


def _variant(path: str, bound: str, value: Any, name: str, field: Schema) -> Rule:  # noqa: ANN401  # JSON
    """A bound, or the values, of one modality where others have other ones."""
    if bound != "enum" and bound not in _BOUNDS:
        raise ValueError(f"{path}: found {bound} that differs between modalities, expected enum or a bound of numbers")
    holds = f"in {literal(value)}" if bound == "enum" else f"{_BOUNDS[bound]} {literal(value)}"
    strange = next(each for each in field["enum"] if each not in value) if bound == "enum" else field[bound]
    expected = f"one of {', '.join(value)}" if bound == "enum" else f"{_BOUNDS[bound]} {value}"
    return Rule(
        expression=f"self.name != {text(name)} || !({has(path)}) || self.{path} {holds}",
        shown=f"self.{path}" if bound == "enum" else "",
        expected=f"{expected} for {name}",
        remedy="change the value",
        accepted={"name": name, **_nested(path, value[0] if bound == "enum" else value)},
        rejected={"name": name, **_nested(path, strange)},
        field=f".{path}",
    )


def _entries(path: str, values: list[str], name: str, field: Schema) -> Rule:
    """The values that a list's entries may have in one modality."""
    strange = next(each for each in field["items"]["enum"] if each not in values)
    return Rule(
        expression=f"self.name != {text(name)} || !({has(path)}) || self.{path}.all(each, each in {literal(values)})",
        found="others",
        expected=f"some of {', '.join(values)} for {name}",
        remedy="remove the others",
        accepted={"name": name, **_nested(path, [])},
        rejected={"name": name, **_nested(path, [strange])},
        field=f".{path}",
    )


def _without(pattern: str, at: str) -> Rule:
    schemes = {f".spec.{shared.path}": shared.schemes for shared in SHARED_URIS}
    scheme, *_ = schemes.get(at, ("redis",))
    return Rule(
        expression=f"!self.matches({text(pattern)})",
        found="a URI with a password in it",
        expected="a URI without one",
        remedy=_PASSWORD_REMEDY,
        accepted=f"{scheme}://mmpipe@store.example:1234/path?mode=x",
        rejected=f"{scheme}://mmpipe:hunter2@store.example:1234/path",
    )


def _names(names: Schema, schema: Schema) -> Iterator[Rule]:
    """The bounds of a map's names."""
    value = _some(schema["additionalProperties"])
    if "enum" in names:
        return  # a rule of the model says more: which of them this object may name
    fewest, most = names.get("minLength", 0), names["maxLength"]
    yield Rule(
        expression=f"self.all(name, name.size() >= {fewest} && name.size() <= {most})",
        found="a name of another length",
        expected=f"names of {fewest} to {most} characters",
        remedy="change the name",
        accepted={"a" * fewest: value},
        rejected={"a" * (most + 1): value},
    )


def _later(schema: Schema) -> Rule:
    """A setting that does not act yet keeps its default, or a value that acts."""
    default, later = default_of(schema), schema[LATER]
    acting = [default, *(value for value in later["acting"] if value != default)]
    is_list = schema["type"] == "array"
    return Rule(
        expression="self.size() == 0"
        if is_list
        else f"self in {literal(acting)}"
        if acting[1:]
        else f"self == {literal(default)}",
        shown="self" if schema["type"] == "string" else "",
        found="some" if is_list else "",
        expected=f"{_ACTING} (default {literal(default) if default != () else '[]'})",
        remedy=later["sentence"],
        accepted=acting[-1],
        rejected=[_some(schema["items"])] if is_list else _other(schema, acting),
        reason="FieldValueForbidden",
    )


def _absent(name: str, field: Schema) -> Rule:
    return Rule(
        expression=f"!has(self.{name})",
        found="it",
        expected=f"{_ACTING} (default none)",
        remedy=field[LATER]["sentence"],
        accepted={},
        rejected={name: _some(field)},
        field=f".{name}",
        reason="FieldValueForbidden",
    )


def _other(schema: Schema, acting: list[object]) -> object:
    """A value that does not act."""
    if "enum" in schema:
        return next(value for value in schema["enum"] if value not in acting)
    if schema["type"] == "boolean":
        return not acting[0]
    return acting[0] / 2 if schema["type"] == "number" else acting[0] - 1  # type: ignore[operator]  # a number, by its type


def _some(schema: Schema) -> Any:  # noqa: ANN401  # JSON
    """Some value that the node's own schema takes: its default where it has one."""
    return smallest(structural(schema, {}, ""))


def _nested(path: str, value: object) -> Schema:
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value
