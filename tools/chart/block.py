"""One block of the values: typed, closed, with a docstring under each field that becomes its comment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Block(BaseModel):
    """A part of the values that is written out field by field; anything else is a value of its own."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )


type Passed = dict[str, Any]
"""Handed on as it is; the API server checks it."""
type Strings = dict[str, str]
type Port = Annotated[int, Field(ge=1, le=65_535)]
type Seconds = Annotated[int, Field(ge=1)]
type Duration = Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h))*$")]
"""Of Prometheus, such as `30s`; empty leaves it to Prometheus."""
type Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
