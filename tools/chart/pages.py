"""The typed values as text: `values.yaml` with a comment above each, its schema, and the reference page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from chart.block import Block
from chart.values import Values

NOTE = "Written by tools/make_chart.py from tools/chart: run `make docs`, don't edit."
_WIDTH = 120
_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The newest that Helm 3 knows as well as Helm 4."""


def values_yaml() -> str:
    """`values.yaml`: every value with its default and, above it, what it means."""
    return "\n".join([f"# {NOTE}", "", *_lines(Values(), 0)]) + "\n"


def values_schema() -> dict[str, Any]:
    """The JSON Schema that Helm holds values against. `global` is open: a parent chart's own keys stand there too."""
    schema: dict[str, Any] = _untitled(Values.model_json_schema(by_alias=True))
    return {"$schema": _DRAFT, "$comment": NOTE, **schema, "title": "Values of the chart mmpipe"}


def reference() -> str:
    """The page `docs/reference/chart.md`."""
    return "\n".join(_page()) + "\n"


def entries(block: Block, path: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    """Every value below a block: its path, its field, and its default as JSON."""
    for name, field, value in _fields(block):
        here = f"{path}.{name}" if path else name
        if isinstance(value, Block):
            yield from entries(value, here)
        else:
            yield here, field, _plain(value)


def _fields(block: Block) -> Iterator[tuple[str, FieldInfo, Any]]:
    for attribute, field in type(block).model_fields.items():
        yield field.alias or attribute, field, getattr(block, attribute)


def _plain(value: object) -> Any:  # noqa: ANN401  # JSON
    return to_jsonable_python(value, by_alias=True, exclude_none=True)


def _lines(block: Block, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field, value in _fields(block):
        yield from (f"{indent}# {line}" for line in textwrap.wrap(field.description or "", _WIDTH - len(indent) - 2))
        if isinstance(value, Block):
            yield f"{indent}{name}:"
            yield from _lines(value, depth + 1)
        else:
            dumped = yaml.safe_dump({name: _plain(value)}, sort_keys=False, width=_WIDTH)
            yield from (indent + line for line in dumped.splitlines())
        if depth == 0:
            yield ""


def _untitled(schema: Any) -> Any:  # noqa: ANN401  # JSON
    """Without the titles that pydantic makes of names, and without the words meant for the API server."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return {key: _untitled(value) for key, value in kept.items() if not key.startswith("x-kubernetes-")}


def _page() -> Iterator[str]:
    yield from ("# Values of the chart", "", f"<!-- {NOTE} -->", "")
    yield "Every value of `charts/mmpipe`, from the same typed model as its `values.yaml` and `values.schema.json`."
    yield "A value that is not here, or not of its type, is refused before anything is sent to the cluster."
    yield "[Kubernetes](../kubernetes.md) says how to install it, [the chart](../../charts/mmpipe/README.md) how it"
    yield "upgrades and what stays. [ADR 24](../decisions/0024-the-chart.md) says why it is as it is."
    yield from ("", "| Value | Default | Meaning |", "|---|---|---|")
    for path, field, default in entries(Values()):
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{path}` | {_default(default)} | {meaning} |"


def _default(value: object) -> str:
    if value in ("", [], {}):
        return ""
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return f"`{text.removesuffix('...\n').strip()}`".replace("|", "\\|")
