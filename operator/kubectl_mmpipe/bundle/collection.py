"""Which questions a support bundle asks, and in which file the answer goes. Pure.

Everything is bounded: lines and bytes of a log, bytes of an answer, pods whose logs are taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_mmpipe import pods
from kubectl_mmpipe.faults import PIPELINES
from mmpipe_operator import names
from mmpipe_operator.kinds import CHILDREN, OPTIONAL, Kind, Manifest

LOG_LINES = 2_000
LOG_BYTES = 1024 * 1024
ANSWER_BYTES = 4 * 1024 * 1024
"""Most of one answer; of a longer list the first objects are kept."""
MOST_PODS = 50
"""Pods whose logs are taken, the ones in trouble first."""
OPERATOR = "app.kubernetes.io/name=mmpipe-operator"
"""Selector of the operator's pods, as the chart labels them."""

_KEYS = '{{range $key, $value := .data}}{{$key}}{{"\\n"}}{{end}}'
"""Prints the names of a Secret's keys; its values never leave kubectl."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to kubectl, and the file of its answer. ``namespace`` is empty where the options' own applies."""

    path: str
    command: tuple[str, ...]
    namespace: str = ""
    is_scoped: bool = True
    is_optional: bool = False


def of_cluster() -> Iterator[Question]:
    """Versions and the definition of the kind."""
    yield Question("versions/kubernetes.json", ("version", "--output=json"), is_scoped=False)
    yield Question(
        "versions/crd.json", _get("customresourcedefinitions.apiextensions.k8s.io", PIPELINES), is_scoped=False
    )


def of_pipelines(name: str | None) -> Iterator[Question]:
    """What stands for one pipeline, or for all. Pods and events are asked for apart."""
    selector = f"--selector={names.PIPELINE_LABEL}" + (f"={name}" if name else "")
    replica_sets = Kind("apps/v1", "ReplicaSet", "replicasets")
    for kind in (*CHILDREN, replica_sets):
        yield Question(f"objects/{kind.plural}.json", _get(_resource(kind), selector), is_optional=kind in OPTIONAL)


def of_pods(name: str | None) -> Question:
    """The pods of one pipeline, or of all."""
    return Question(
        "objects/pods.json", _get("pods", f"--selector={names.PIPELINE_LABEL}" + (f"={name}" if name else ""))
    )


def of_operator(namespace: str) -> Question:
    """The operator's pods, in its namespace or, where that is not known, in any."""
    where = () if namespace else ("--all-namespaces",)
    command = _get("pods", f"--selector={OPERATOR}", *where)
    return Question("operator/pods.json", command, namespace, is_scoped=bool(namespace))


def beside_operator(namespace: str) -> Iterator[Question]:
    """What else there is in the operator's namespace."""
    yield Question("operator/deployments.json", _get("deployments.apps", f"--selector={OPERATOR}"), namespace)
    yield Question("operator/leases.json", _get("leases.coordination.k8s.io"), namespace)


def logs(found: Sequence[Manifest], folder: str) -> tuple[list[Question], list[str]]:
    """The logs of these pods, and those of the container before where one was restarted; then the pods left out."""
    sorted_ = sorted(found, key=lambda pod: (not pods.troubles([pod]), -pods.restarts(pod), pod["metadata"]["name"]))
    left_out = [str(pod["metadata"]["name"]) for pod in sorted_[MOST_PODS:]]
    return [question for pod in sorted_[:MOST_PODS] for question in _logs(pod, folder)], left_out


def secrets(manifests: Iterable[Manifest]) -> list[Question]:
    """The names of the keys of every Secret that these objects name."""
    named = {(str(each["metadata"].get("namespace", "")), name) for each in manifests for name in _secrets(each)}
    output = f"--output=go-template={_KEYS}"
    return [
        Question(f"secrets/{namespace}/{name}.keys", ("get", "secrets", name, output), namespace)
        for namespace, name in sorted(named)
    ]


def events_of(events: Manifest, pipelines: Sequence[str]) -> Manifest:
    """Those that are about a pipeline or one of its objects, whose names begin with the pipeline's."""
    about = [
        event
        for event in events["items"]
        if any(event["involvedObject"].get("name", "").startswith((f"{name}-", f"{name}.")) for name in pipelines)
        or event["involvedObject"].get("name") in pipelines
    ]
    return events | {"items": about}


def shortened(answer: Manifest, most_bytes: int = ANSWER_BYTES) -> tuple[Manifest, int]:
    """A list with so many of its first objects as fit, and how many were left out."""
    items, used = answer.get("items"), 0
    if items is None:
        return answer, 0
    for count, item in enumerate(items):
        used += len(json.dumps(item, indent=1))
        if used > most_bytes:
            return answer | {"items": items[:count]}, len(items) - count
    return answer, 0


def _logs(pod: Manifest, folder: str) -> Iterator[Question]:
    name, namespace = pod["metadata"]["name"], pod["metadata"].get("namespace", "")
    bounds = (f"--tail={LOG_LINES}", f"--limit-bytes={LOG_BYTES}")
    command = ("logs", name, "--all-containers", "--prefix", "--timestamps", *bounds)
    yield Question(f"{folder}/{namespace}/{name}.log", command, namespace)
    if pods.restarts(pod):
        yield Question(f"{folder}/{namespace}/{name}.previous.log", (*command, "--previous"), namespace)


def _secrets(value: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    """Names of Secrets in the spec of a pipeline or of a pod."""
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from _named(field, inner)
            yield from _secrets(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(each)


def _named(field: str, value: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    if field == "imagePullSecrets":
        yield from (each["name"] for each in value if each.get("name"))
    elif field == "secretName":
        yield value
    elif isinstance(value, dict) and field.endswith(("SecretRef", "secretKeyRef")) and value.get("name"):
        yield value["name"]


def _resource(kind: Kind) -> str:
    """As kubectl takes it: with version and group where it has one (``horizontalpodautoscalers.v2.autoscaling``)."""
    group, _, version = kind.api_version.rpartition("/")
    return f"{kind.plural}.{version}.{group}" if group else kind.plural


def _get(kind: str, *options: str) -> tuple[str, ...]:
    return ("get", kind, *options, "--output=json")
