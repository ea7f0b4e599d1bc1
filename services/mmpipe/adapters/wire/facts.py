"""Facts and attributes: JSON's types in protobuf's ``Value`` and ``Struct``.

These know one kind of number, so a whole number comes back as int, as everywhere in mmpipe; an int that a double cannot
hold travels as text, since a wrong id is worse than one in quotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from mmpipe.adapters.plain import Json, plain, plain_text
from mmpipe.adapters.wire.errors import WireError, within
from mmpipe.records import Facts, Scalar

_EXACT = 2**53
"""Whole numbers up to here are exact in a double (IEEE 754)."""


def encode_facts(facts: Facts) -> dict[str, Value]:
    """Facts as the entries of a map; what is not finite becomes null."""
    return {plain_text(name): _encode(plain(value)) for name, value in facts.items()}


def decode_facts(message: Mapping[str, Value], field: str) -> dict[str, Scalar]:
    """Facts from the entries of a map; WireError for a list or an object, which no fact is."""
    return {name: _scalar(value, f"{field}[{name!r}]") for name, value in message.items()}


def encode_attributes(attributes: Mapping[str, object]) -> Struct:
    """Attributes of any origin (see ``adapters.plain``) as a Struct."""
    return Struct(fields={plain_text(name): _encode(plain(value)) for name, value in attributes.items()})


def decode_attributes(message: Struct, field: str) -> dict[str, object]:
    """Attributes from a Struct."""
    return {name: _decode(value, within(field, name)) for name, value in message.fields.items()}


def _encode(value: Json) -> Value:
    match value:
        case list():
            return Value(list_value=ListValue(values=[_encode(entry) for entry in value]))
        case dict():
            return Value(struct_value=Struct(fields={name: _encode(entry) for name, entry in value.items()}))
    return _encode_scalar(value)


def _encode_scalar(value: Scalar) -> Value:
    match value:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case str():
            return Value(string_value=value)
    whole_but_inexact = isinstance(value, int) and abs(value) > _EXACT
    return Value(string_value=str(value)) if whole_but_inexact else Value(number_value=value)


def _decode(value: Value, field: str) -> Any:  # noqa: ANN401  # JSON
    match value.WhichOneof("kind"):
        case "list_value":
            return [_decode(entry, f"{field}[{at}]") for at, entry in enumerate(value.list_value.values)]
        case "struct_value":
            return decode_attributes(value.struct_value, field)
    return _scalar(value, field)


def _scalar(value: Value, field: str) -> Scalar:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return _number(value.number_value, field)
        case "bool_value":
            return value.bool_value
        case "null_value":
            return None
    raise WireError(field, "no scalar", "a text, a number, true, false or null", "send one of these")


def _number(number: float, field: str) -> int | float:
    if not math.isfinite(number):
        raise WireError(field, str(number), "a finite number", "send null for what is unknown")
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number
