"""The CRD's rules, each at its place: those of the models, and those that follow from the resolved tree itself.

``crossing``, ``needs`` and ``unchanging`` have the first, by model; ``belonging`` and ``settling`` make the others, and
so do the two here: URIs without a password, and the names in maps, which OpenAPI 3.0 can't bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe.spec.acting import SHARED_URIS
from mmpipe.spec.sink import LEAK_EXPECTED, LEAK_FOUND, LEAK_REMEDY
from mmpipe_operator.crd import belonging, settling
from mmpipe_operator.crd.crossing import CROSSING
from mmpipe_operator.crd.modalities import MODEL, Schema
from mmpipe_operator.crd.needs import NEEDS
from mmpipe_operator.crd.rule import Placed, Rule, below, text
from mmpipe_operator.crd.structural import some
from mmpipe_operator.crd.unchanging import UNCHANGING


def placed(schema: Schema, at: str = "") -> Iterator[Placed]:
    """Every rule of the schema at this place and below it."""
    yield from (Placed(at, rule) for rule in _of_model(schema.get(MODEL, "")))
    yield from (Placed(at, rule) for rule in _of_node(schema, at))
    for name, field in schema.get("properties", {}).items():
        yield from placed(field, below(at, name))
    if "items" in schema:
        yield from placed(schema["items"], f"{at}[]")


def _of_model(name: str) -> Iterator[Rule]:
    for rules in (CROSSING, NEEDS, UNCHANGING):
        yield from rules.get(name, ())


def _of_node(schema: Schema, at: str) -> Iterator[Rule]:
    yield from belonging.rules(schema)
    yield from settling.rules(schema)
    if "not" in schema:
        yield _without_password(schema["not"]["pattern"], at)
    if "maxLength" in schema.get("propertyNames", {}):  # names that are listed have a rule of their model
        yield _names(schema)


def _without_password(pattern: str, at: str) -> Rule:
    schemes = {f"spec.{shared.path}": shared.schemes for shared in SHARED_URIS}
    scheme, *_ = schemes.get(at, ("redis",))
    return Rule(
        expression=f"!self.matches({text(pattern)})",
        found=LEAK_FOUND,
        expected=LEAK_EXPECTED,
        remedy=LEAK_REMEDY,
        accepted=f"{scheme}://mmpipe@store.example:1234/path?mode=x",
        rejected=f"{scheme}://mmpipe:hunter2@store.example:1234/path",
    )


def _names(schema: Schema) -> Rule:
    """The bounds of a map's names."""
    names, value = schema["propertyNames"], some(schema["additionalProperties"])
    fewest, most = names["minLength"], names["maxLength"]
    return Rule(
        expression=f"self.all(name, name.size() >= {fewest} && name.size() <= {most})",
        found="a name of another length",
        expected=f"names of {fewest} to {most} characters",
        remedy="change the name",
        accepted={"a" * fewest: value},
        rejected={"a" * (most + 1): value},
    )
