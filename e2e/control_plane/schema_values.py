"""Values for the nodes of a structural schema: the smallest one, texts of a length, one of a wrong type."""

from __future__ import annotations

import re
from typing import Any

from mmpipe_operator.kinds import Manifest

REJECTED_TEXTS = {
    "^([A-Za-z_][A-Za-z0-9_]*)?$": "a-b",
    "^[A-Za-z0-9._-]{1,40}$": "utf 8",
    r"^[0-9]+(\.[0-9]+)?([eE][0-9]+|[numkMGTPE]|[KMGTPE]i)?$": "1 Gi",
    "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$": "-a",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "A_b",
    "^/[^:]*$": "relative",
    "^[A-Za-z_][A-Za-z0-9_.-]*$": "1A",
    "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$": "two words",
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$": "two words",
}
"""A text that each pattern refuses."""

_BEGINNINGS = ("a", "/a", "1", "http://a", "A")
_ONE_OF: Manifest = {"emptyDir": {}, "secretKeyRef": {"name": "a", "key": "b"}}
"""Blocks that need exactly one of several fields get this one."""
_OTHER = {"string": 7, "integer": "seven", "number": "seven", "boolean": "yes", "array": "list", "object": "block"}


def smallest(node: Manifest) -> Any:  # noqa: ANN401  # JSON
    """The smallest value that the node takes."""
    if "enum" in node:
        return node["enum"][0]
    kind = node["type"]
    if kind == "object":
        return _block(node)
    if kind == "array":
        return [smallest(node["items"])] * node.get("minItems", 0)
    if node.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    if kind == "string":
        return of_length(node, max(1, node.get("minLength", 0)))
    return False if kind == "boolean" else _number(node)


def of_length(node: Manifest, length: int) -> str:
    """A text of that length which the node's pattern takes; a longer one where that needs more."""
    texts = [(beginning + length * "a")[:length] for beginning in _BEGINNINGS] + ["a", "/", "1", "1" * length]
    pattern = node.get("pattern", "")
    fitting = [text for text in texts if re.search(pattern, text)]
    return max(fitting, key=lambda text: len(text) == length, default=texts[0])


def too_long(node: Manifest) -> str:
    """A text with one character too many, which the pattern takes where it takes any of that length."""
    length = node["maxLength"] + 1
    text = of_length(node, length)
    return text if len(text) == length else length * "a"


def other_type(node: Manifest) -> Any:  # noqa: ANN401  # JSON
    """A value of another type."""
    return _OTHER[node["type"]]


def _block(node: Manifest) -> Manifest:
    properties = node.get("properties", {})
    block = {name: smallest(properties[name]) for name in node.get("required", ())}
    if _needs_one(node):
        name = next(name for name in _ONE_OF if name in properties)
        block[name] = _ONE_OF[name]
    return block


def _needs_one(node: Manifest) -> bool:
    return any(name in node.get("properties", {}) for name in _ONE_OF)


def _number(node: Manifest) -> float:
    if "minimum" in node:
        least: float = node["minimum"]
        return least + 0.5 if node.get("exclusiveMinimum") else least
    most: float = node.get("maximum", 0)
    return most
