"""Depths as the API server answers them now, and what pods say of themselves. It decides nothing.

Pods are asked through the API server (``pods/proxy``), so that nothing has to be forwarded; who may not do that gets no
service times, and everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kubectl_mmpipe import scaling
from kubectl_mmpipe.faults import PluginError
from kubectl_mmpipe.kubectl import Kubectl
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.scaling.exposition import Sample, samples

_AT_ONCE = 8
MOST_PODS = 8
"""Pods of one process that are asked; a mean needs no more."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What a metric is now; None with the reason where that is not known."""

    value: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """By path for metrics, by path of the pod for pods; ``unread`` are the reasons of the pods that said nothing."""

    depths: Mapping[str, Depth] = field(default_factory=dict)
    pods: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


def ask(kubectl: Kubectl, metrics: Iterable[str], pods: Iterable[str]) -> Answers:
    """Everything at once, and each path once; what fails is told, never raised."""
    asked = list(dict.fromkeys([*metrics, *pods]))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = dict(zip(asked, threads.map(lambda path: _raw(kubectl, path), asked), strict=True))
    told = {path: _samples(found[path]) for path in dict.fromkeys(pods)}
    return Answers(
        depths={path: _depth(found[path]) for path in dict.fromkeys(metrics)},
        pods={path: each for path, each in told.items() if isinstance(each, tuple)},
        unread={path: each for path, each in told.items() if isinstance(each, str)},
    )


def of_pod(pod: Manifest) -> str:
    """Where the API server fetches a pod's metrics."""
    metadata = pod["metadata"]
    name = f"{metadata['name']}:{names.METRICS_PORT}"
    return f"/api/v1/namespaces/{metadata.get('namespace', 'default')}/pods/{name}/proxy/metrics"


def _raw(kubectl: Kubectl, path: str) -> tuple[str, str]:
    """The answer, or why there is none."""
    try:
        return kubectl.raw(path), ""
    except PluginError as error:
        return "", str(error).removeprefix(f"kubectl get --raw {path}: ")


def _depth(answer: tuple[str, str]) -> Depth:
    text, why = answer
    if why:
        return Depth(None, why)
    try:
        items = json.loads(text)["items"]
    except (ValueError, KeyError, TypeError):
        return Depth(None, f"found {text[:80]!r}; expected a list of metric values; see who serves that API")
    values = [value for each in items if (value := scaling.number(each.get("value"))) is not None]
    if not values or len(values) != len(items):
        return Depth(None, f"found {len(values)} numbers in {len(items)} values; expected one in each")
    return Depth(sum(values))


def _samples(answer: tuple[str, str]) -> tuple[Sample, ...] | str:
    text, why = answer
    if why:
        return why
    try:
        return tuple(samples(text))
    except ValueError as error:
        return str(error)
