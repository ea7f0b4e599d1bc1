"""The CustomResourceDefinition as one document: names, columns, and the schema with its rules."""

from __future__ import annotations

from collections import defaultdict

from mmpipe.spec import schema
from mmpipe_operator import names
from mmpipe_operator.crd.modalities import MODEL, Schema
from mmpipe_operator.crd.placing import placed
from mmpipe_operator.crd.resolving import resolved
from mmpipe_operator.crd.rule import Placed
from mmpipe_operator.crd.structural import structural
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status import STATUS_SCHEMA

_READY = '.status.conditions[?(@.type=="Ready")]'
COLUMNS: tuple[Manifest, ...] = (
    {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status", "description": "Whether the spec is true."},
    {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason", "description": "Why it is, or is not."},
    {"name": "Stages", "type": "string", "jsonPath": ".status.stages", "description": "Processes that are available."},
    {"name": "Queue", "type": "string", "jsonPath": ".status.backlog", "description": "Samples that wait."},
    {
        "name": "Age",
        "type": "date",
        "jsonPath": ".metadata.creationTimestamp",
        "description": "Since when it is there.",
    },
)
"""What ``kubectl get`` shows."""


def document() -> Manifest:
    """The whole CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "shortNames": ["mmp"],
                "categories": ["all", "mmpipe"],
            },
            "versions": [_version()],
        },
    }


def rules() -> tuple[Placed, ...]:
    """Every rule of the schema at its place."""
    return tuple(placed(_tree()))


def _version() -> Manifest:
    return {
        "name": names.API_VERSION.partition("/")[2],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root()},
        "subresources": {"status": {}},
        "additionalPrinterColumns": list(COLUMNS),
    }


def _root() -> Schema:
    by_place = defaultdict(list)
    for each in rules():
        by_place[each.at].append(each)
    root = structural(_tree(), by_place, "")
    metadata = {"type": "object", "properties": {"name": {"type": "string"}}}  # named, so that a rule can point to it
    own = {"metadata": metadata, "status": STATUS_SCHEMA}
    kinds = {
        name: {"type": "string", "description": root["properties"][name]["description"]}
        for name in ("apiVersion", "kind")
    }
    spec = {key: value for key, value in root["properties"]["spec"].items() if key != "default"}
    return root | {"properties": kinds | own | {"spec": spec}, "required": ["spec"]}


def _tree() -> Schema:
    """The resolved schema of what the user writes; metadata are Kubernetes' own."""
    whole = schema()
    tree = resolved(whole, whole["$defs"]) | {MODEL: whole["title"]}
    properties = {name: field for name, field in tree["properties"].items() if name != "metadata"}
    return tree | {"properties": properties}
