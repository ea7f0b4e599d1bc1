"""A template's overrides over our pod, as Kubernetes merges strategically: lists by key, maps by name.

Security is not overridden: the template has no field for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpipe_operator.kinds import Manifest

_KEYS = {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "imagePullSecrets": "name"}
_REPLACED = {"topologySpreadConstraints", "affinity"}
_CONTAINER = ("image", "imagePullPolicy", "env", "volumeMounts", "resources")
_POD = (
    "imagePullSecrets",
    "volumes",
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "runtimeClassName",
    "priorityClassName",
    "schedulerName",
)


def overridden(template: Manifest, override: Manifest) -> Manifest:
    """The pod template with the overrides in it; labels that select pods keep their value."""
    pod, own = template["spec"], template["metadata"]
    container = _merged(pod["containers"][0], _some(override, _CONTAINER))
    return {
        "metadata": {
            "labels": override.get("labels", {}) | own["labels"],
            "annotations": override.get("annotations", {}) | own["annotations"],
        },
        "spec": _merged(pod, _some(override, _POD)) | {"containers": [container]},
    }


def _merged(ours: Manifest, theirs: Manifest) -> Manifest:
    return ours | {name: _joined(name, ours.get(name), value) for name, value in theirs.items()}


def _joined(name: str, ours: object, theirs: object) -> object:
    if name == "resources":
        return _resources(ours or {}, theirs)  # type: ignore[arg-type]  # both are maps of maps
    if isinstance(ours, list) and isinstance(theirs, list) and name not in _REPLACED:
        return _by_key(ours, theirs, _KEYS[name]) if name in _KEYS else [*ours, *theirs]
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and name not in _REPLACED:
        return {**ours, **theirs}
    return theirs


def _by_key(ours: Sequence[Manifest], theirs: Sequence[Manifest], key: str) -> list[Manifest]:
    entries = {entry[key]: entry for entry in ours} | {entry[key]: entry for entry in theirs}
    return list(entries.values())


def _resources(ours: Manifest, theirs: Manifest) -> Manifest:
    """A resource that the override names is the override's alone: a request above our limit would be refused."""
    named = {resource for amounts in theirs.values() for resource in amounts}
    kept = {
        kind: {name: amount for name, amount in amounts.items() if name not in named} for kind, amounts in ours.items()
    }
    joined = {kind: kept.get(kind, {}) | theirs.get(kind, {}) for kind in ("requests", "limits")}
    return {kind: amounts for kind, amounts in joined.items() if amounts}


def _some(override: Manifest, names: Sequence[str]) -> Manifest:
    return {name: override[name] for name in names if override.get(name)}
