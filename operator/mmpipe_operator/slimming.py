"""Of objects that are kept whole: only what somebody here reads, as JSON text. Parsed again it is a manifest.

Text takes a tenth of the memory of dicts, and a pipeline is looked at far less often than it is held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from mmpipe_operator.kinds import AUTOSCALER, DEPLOYMENT, PIPELINE, POD, SCALED_OBJECT, Kind, Manifest, Ref

WHOLE = frozenset({PIPELINE, POD, DEPLOYMENT, AUTOSCALER, SCALED_OBJECT})
"""Kinds of which values are read here; of the others a fingerprint tells enough (``prints``)."""
_METADATA = (
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "labels",
    "ownerReferences",
    "uid",
)
_PARTS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    PIPELINE: {"spec": (), "status": ()},
    DEPLOYMENT: {"spec": ("replicas", "paused"), "status": ()},
    AUTOSCALER: {"status": ("conditions",)},
    SCALED_OBJECT: {},
    POD: {"status": ("phase", "podIP", "conditions", "containerStatuses", "initContainerStatuses")},
}
"""Fields of each part that stay; all of a part where none is named."""


def packed(kind: Kind, manifest: Manifest) -> bytes:
    """What is kept of an object; its version, and what says which it is, apart."""
    metadata = {name: manifest["metadata"][name] for name in _METADATA if name in manifest["metadata"]}
    kept = {"metadata": metadata, **_parts(kind, manifest)}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()


def unpacked(ref: Ref, version: int, kept: bytes) -> Manifest:
    """The object again."""
    found: Manifest = from_json(kept)
    own = {"name": ref.name, "namespace": ref.namespace, "resourceVersion": str(version)}
    head = {"apiVersion": ref.kind.api_version, "kind": ref.kind.kind}
    return {**head, **found, "metadata": {**found["metadata"], **own}}


def _parts(kind: Kind, manifest: Manifest) -> Manifest:
    return {name: _some(manifest[name], fields) for name, fields in _PARTS[kind].items() if name in manifest}


def _some(part: Mapping[str, Any], fields: tuple[str, ...]) -> Mapping[str, Any]:
    return {name: part[name] for name in fields if name in part} if fields else part
