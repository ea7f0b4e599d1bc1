"""Looking into what the chart renders: one object by kind and name, and what is at a path of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpipe_operator.kinds import Manifest

ABSENT = object()
"""What is at a path where nothing is."""
COMPONENT = "app.kubernetes.io/component"


def found(objects: list[Manifest], which: str) -> Iterator[Manifest]:
    """Objects of a ``Kind``, or that of a ``Kind/name``. Hooks' accounts and roles are found by name only."""
    kind, _, name = which.partition("/")
    for each in objects:
        is_hook = "helm.sh/hook" in each["metadata"].get("annotations", {})
        is_meant = name == each["metadata"]["name"] if name else kind in ("Pod", "Job") or not is_hook
        if each["kind"] == kind and is_meant:
            yield each


def one(objects: list[Manifest], which: str) -> Manifest:
    """The one that is meant; of several of a kind, the operator's."""
    all_of_it = list(found(objects, which))
    own = [each for each in all_of_it if each["metadata"].get("labels", {}).get(COMPONENT) == "operator"]
    assert all_of_it, f"{which}: found none among {sorted(each['kind'] for each in objects)}"
    return (own or all_of_it)[0]


def at(manifest: Manifest, path: str) -> object:
    """What is at a dotted path; ``env.NAME`` is a variable of the operator or of the adapter."""
    if path.startswith("env."):
        variables = manifest["spec"]["template"]["spec"]["containers"][0]["env"]
        names = (f"MMPIPE_OPERATOR_{path[4:]}", f"MMPIPE_ADAPTER_{path[4:]}")
        return next((each["value"] for each in variables if each["name"] in names), ABSENT)
    value: Any = manifest
    for key in path.replace("\\.", "\0").split("."):
        name = key.replace("\0", ".")
        if isinstance(value, list):
            value = value[int(name)]
        elif name in value:
            value = value[name]
        else:
            return ABSENT
    return value
