"""A template's overrides over our pod, as Kubernetes merges strategically: lists by key, maps by name.

Security is not overridden: the template has no field for it. What it must not override, ``refusals`` says aloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmpipe.spec.template import PodTemplate
from mmpipe_operator.kinds import Manifest

_KEYS = {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "imagePullSecrets": "name"}
_CONTAINER = ("image", "imagePullPolicy", "env", "volumeMounts")
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
_FREE = {"labels", "annotations", "nodeSelector", "matchLabels", "volumeAttributes"}
"""Maps in which an empty text is a value; elsewhere the API server stores no field for it."""


def overrides(template: PodTemplate) -> Manifest:
    """What a template sets, as the API server stores it."""
    dumped: Manifest = template.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {name: _stored(name, value) for name, value in dumped.items()}


def overridden(template: Manifest, override: Manifest) -> Manifest:
    """The pod template with the overrides in it, but for resources (``resources``); our own labels stay."""
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
    if name in _KEYS and isinstance(ours, list) and isinstance(theirs, list):
        return _by_key(ours, theirs, _KEYS[name])
    return theirs


def _by_key(ours: Sequence[Manifest], theirs: Sequence[Manifest], key: str) -> list[Manifest]:
    entries = {entry[key]: entry for entry in (*ours, *theirs)}
    return list(entries.values())


def _stored(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        kept = value if name in _FREE else {key: each for key, each in value.items() if each not in ("", [])}
        return {key: _stored(key, each) for key, each in kept.items()}
    if isinstance(value, list):
        return [_stored("", each) for each in value]
    return value


def _some(override: Manifest, names: Sequence[str]) -> Manifest:
    return {name: override[name] for name in names if override.get(name)}
