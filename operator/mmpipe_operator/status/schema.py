"""The structural schema of ``.status`` for the CustomResourceDefinition: what ``document`` may write, with bounds."""

from __future__ import annotations

from typing import Any

from mmpipe_operator.status.conditions import CONDITIONS

MAX_MESSAGE = 1_024
"""Longest message that the operator writes, in characters; ``metav1.Condition`` allows 32 KiB."""
MAX_PROCESSES = 32
"""A gateway, a worker, the fusion, and three stages of five modalities are 18."""

_REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
_TYPE = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)


def _text(description: str, max_length: int = 253, **more: object) -> dict[str, Any]:
    return {"type": "string", "description": description, "maxLength": max_length, **more}


def _number(description: str, maximum: int = 2**31 - 1) -> dict[str, Any]:
    return {"type": "integer", "format": "int64", "description": description, "minimum": 0, "maximum": maximum}


def _map(description: str, key: str, max_items: int, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """A list whose entries are told apart by one field."""
    return {
        "type": "array",
        "description": description,
        "maxItems": max_items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [key],
        "items": {"type": "object", "properties": properties, "required": required},
    }


_GENERATION = {
    "type": "integer",
    "format": "int64",
    "description": "Generation of the spec that this is about.",
    "minimum": 0,
}
_CONDITION = {
    "type": _text("Name of the condition, in CamelCase.", 316, pattern=_TYPE),
    "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it is so."},
    "observedGeneration": _GENERATION,
    "lastTransitionTime": {
        "type": "string",
        "format": "date-time",
        "description": "When the condition's status last changed; a new reason or message alone does not count.",
    },
    "reason": _text("Why, in one CamelCase word of the catalogue.", 1_024, minLength=1, pattern=_REASON),
    "message": _text("Why, for people: what was found, what was expected, and the remedy.", 32_768),
}
_PROCESS = {
    "name": _text("Such as `gateway`, `worker`, `image`, or `image-decode`.", 63),
    "ready": _number("Replicas that are available."),
    "desired": _number("Replicas that the Deployment should have now."),
    "updated": _number("Replicas with the newest pod template."),
    "endpoint": _text("Where it is called inside the cluster: `host:port`.", 300),
}
_MODEL = {
    "modality": _text("Whose embedding.", 63),
    "uri": _text("The model as the spec names it.", 2_048),
    "model": _text("Name and digest of the package, `name@digest`; empty where it is not known.", 512),
}
_VECTORS = {
    "collection": _text("The collection in Milvus.", 255),
    "alias": _text("The alias that clients search.", 255),
    "dimension": _number("Length of the vectors; absent where it is not known.", 32_768),
}
_APPLIED = {
    "digest": _text("Of all that the last plan was made from, and of all children as they were left.", 64),
    "reads": {
        "type": "array",
        "description": "Secrets and ConfigMaps that went into it: `Secret/name`.",
        "maxItems": 256,
        "x-kubernetes-list-type": "atomic",
        "items": _text("One of them.", 300),
    },
}

STATUS_SCHEMA: dict[str, Any] = {
    "type": "object",
    # Of a pipeline that nobody has looked at yet: without it kstatus calls it Current, and `helm --wait` ends early.
    "default": {"observedGeneration": 0},
    "description": "What the operator has observed. Rounded where a number would change all the time; see its metrics.",
    "properties": {
        "observedGeneration": _GENERATION,
        "conditions": _map(
            f"Observations: {', '.join(CONDITIONS)}.",
            "type",
            len(CONDITIONS) + 6,
            _CONDITION,
            ["type", "status", "lastTransitionTime", "reason", "message"],
        ),
        "stages": _text("Processes that are available, of all: `5/7`.", 16),
        "backlog": _text("Samples that wait, by order of magnitude: `0`, `1-9`, `10-99` ...", 32),
        "endpoint": _text("Where clients find the gateway inside the cluster: `host:port`.", 300),
        "processes": _map("The pipeline's processes.", "name", MAX_PROCESSES, _PROCESS, ["name"]),
        "models": _map("The models that make the vectors.", "modality", 16, _MODEL, ["modality"]),
        "vectors": {
            "type": "object",
            "description": "Where the vectors are.",
            "properties": _VECTORS,
        },
        "applied": {
            "type": "object",
            "description": "What was last found applied as planned; while it stands, nobody has to look closer.",
            "properties": _APPLIED,
        },
    },
}
"""OpenAPI v3, structural, for ``spec.versions[].schema.openAPIV3Schema.properties.status``."""
