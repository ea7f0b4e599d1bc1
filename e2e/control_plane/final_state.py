"""What must be the same at the end, whatever happened on the way: a pipeline and all that is in its namespace.

Without what each object is given anew: uids, versions, times, addresses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from e2e.control_plane.pipelines import OWNED, Pipeline

from mmpipe_operator.kinds import Manifest, Ref, ref_of
from mmpipe_operator.names import COMPONENT_LABEL, FIELD_MANAGER

_BY_TIME = frozenset({"QueueReachable", "VectorStoreReachable", "Degraded", "Ready", "Reconciling", "ScalingActive"})
"""Conditions that follow neighbours, which are asked now and then."""
_GIVEN = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "managedFields"})
_CLUSTERS_OWN = frozenset({"kube-root-ca.crt", "default"})
"""What Kubernetes puts into every namespace."""
_REVISION = "deployment.kubernetes.io/revision"

type State = dict[str, Any]


def contents(pipeline: Pipeline) -> dict[Ref, Manifest]:
    """All objects of our kinds in the namespace, whoever made them: an orphan has no label that one could ask for."""
    return {
        ref_of(each): each
        for kind in OWNED
        for each in pipeline.cluster.client.list(kind, pipeline.namespace)
        if each["metadata"]["name"] not in _CLUSTERS_OWN
    }


def state(pipeline: Pipeline) -> State:
    """Everything, comparable. Empty once the pipeline and all that was its are gone."""
    found: State = {str(ref): _plain(each) for ref, each in contents(pipeline).items()}
    found |= {f"pods of {name}": True for name in _processes(pipeline.pods())}
    raw = pipeline.cluster.client.find(*pipeline.ref)
    return found | ({"pipeline": _pipeline(raw)} if raw else {})


def difference(found: State, expected: State) -> str:
    """What differs, by path; empty where nothing does."""
    return "; ".join(_differing(found, expected, ""))


def recreated(before: Mapping[Ref, Manifest], after: Mapping[Ref, Manifest]) -> list[Ref]:
    """What is there before and after, and is not the same object."""
    return [ref for ref in before.keys() & after.keys() if _uid(before[ref]) != _uid(after[ref])]


def _uid(manifest: Manifest) -> str:
    return str(manifest["metadata"]["uid"])


def _plain(manifest: Manifest) -> State:
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _GIVEN}
    metadata["annotations"] = {key: value for key, value in metadata.get("annotations", {}).items() if key != _REVISION}
    spec = {name: value for name, value in manifest.get("spec", {}).items() if not name.startswith("clusterIP")}
    rest = {name: manifest.get(name) for name in ("data", "automountServiceAccountToken")}
    fields = [each["fieldsV1"] for each in manifest["metadata"].get("managedFields", ()) if _ours(each)]
    said = json.dumps({**metadata, **rest, "spec": spec, "fields that are the operator's": fields})
    for owner in metadata.get("ownerReferences", ()):
        said = said.replace(owner["uid"], "the uid of its owner")
    plain: State = json.loads(said)
    return plain


def _ours(entry: Mapping[str, Any]) -> bool:
    return entry["manager"] == FIELD_MANAGER and entry["operation"] == "Apply" and "subresource" not in entry


def _pipeline(raw: Manifest) -> State:
    status, generation = raw.get("status", {}), raw["metadata"]["generation"]
    conditions = {each["type"]: each for each in status.get("conditions", ()) if each["type"] not in _BY_TIME}
    return {
        "finalizers": raw["metadata"].get("finalizers", []),
        "observed": status.get("observedGeneration") == generation,
        "processes": status.get("processes"),
        "conditions": {name: _settled(each, generation) for name, each in conditions.items()},
    }


def _settled(condition: Mapping[str, Any], generation: int) -> tuple[object, ...]:
    return condition["status"], condition["reason"], condition["message"], condition["observedGeneration"] == generation


def _processes(pods: Iterable[Manifest]) -> set[str]:
    return {each["metadata"]["labels"][COMPONENT_LABEL] for each in pods}


def _differing(found: object, expected: object, path: str) -> Iterator[str]:
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for name in sorted(found.keys() | expected.keys()):
            yield from _differing(found.get(name), expected.get(name), f"{path} {name}")
    elif found != expected:
        yield f"{path}: found {_words(found)}, expected {_words(expected)}"


def _words(found: object) -> str:
    return f"{found!r:.200}" if found is not None else "nothing"
