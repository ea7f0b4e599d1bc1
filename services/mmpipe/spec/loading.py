"""From YAML to the typed object, as strictly as the API server would take it.

The text becomes JSON first and is validated as such: what a Kubernetes schema refuses (a number in quotes, an unknown
field) is refused here in the same place. Reading YAML is PyYAML's safe loader plus one rule: no key twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mmpipe.spec.pipeline import MultimodalPipeline
from mmpipe.spec.problems import Problem, SpecError, problems_of


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses a key given twice, where the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # PyYAML's signature
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key_node.start_mark)
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path) -> MultimodalPipeline:
    """The object in a YAML or JSON file. Raises :class:`SpecError` with every problem, named by the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "give the path of a readable UTF-8 file with a MultimodalPipeline"
        raise SpecError([Problem("", str(error), "a YAML file", remedy)], str(path)) from error
    return parse(text, str(path))


def parse(text: str, source: str = "") -> MultimodalPipeline:
    """The object in a YAML or JSON text. ``source`` names it in errors."""
    return _validated(_document(text, source), source)


def from_object(document: Mapping[str, Any], source: str = "") -> MultimodalPipeline:
    """The object as the API server returns it; its status is left aside. Raises SpecError."""
    return _validated({name: value for name, value in document.items() if name != "status"}, source)


def _validated(document: Mapping[str, Any], source: str) -> MultimodalPipeline:
    try:
        return MultimodalPipeline.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SpecError(problems_of(error), source) from error


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2020-13-45 that is none
        raise SpecError([Problem("", _fault(error), "YAML", "mend the YAML there")], source) from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        found = f"{len(documents)} documents" if len(documents) != 1 else type(documents[0]).__name__
        raise SpecError([Problem("", found, "one MultimodalPipeline", "keep one object in the file")], source)
    return _jsonable(documents[0], source)


def _fault(error: Exception) -> str:
    """What PyYAML found, and where."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem} at line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return " ".join(str(error).split())


def _jsonable(document: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        remedy = "put dates in quotes, and leave out infinities and other YAML extras"
        raise SpecError([Problem("", str(error), "values that JSON has", remedy)], source) from error
    return document
