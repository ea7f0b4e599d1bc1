"""What is read of the cluster for ``status`` and ``lag``: pipelines, and what stands for them.

A user may see pipelines and not, say, autoscalers: what cannot be read is remembered with the reason, and never taken
for empty.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kubectl_mmpipe.faults import PIPELINES, NotFound, PluginError
from kubectl_mmpipe.kubectl import Kubectl
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

_CHILDREN = ("deployments.apps", "horizontalpodautoscalers.v2.autoscaling", "pods")
"""As kubectl takes them: with the group, since other projects have kinds of these names too."""


@dataclass(frozen=True, slots=True)
class Children:
    """The objects of one kind that were read, by namespace and name of their pipeline, or why they could not be."""

    objects: Mapping[tuple[str, str], list[Manifest]] = field(default_factory=dict)
    unread: str = ""

    def of(self, pipeline: Manifest) -> list[Manifest]:
        """Those of one pipeline."""
        return self.objects.get(_identity(pipeline), [])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pipelines, sorted by namespace and name, and what stands for them."""

    pipelines: tuple[Manifest, ...]
    deployments: Children
    autoscalers: Children
    pods: Children


def read(kubectl: Kubectl, name: str | None) -> Snapshot:
    """One pipeline, or all that ``kubectl`` looks at. Raises PluginError where pipelines can't be read."""
    pipelines = [pipeline(kubectl, name)] if name else kubectl.objects(PIPELINES)
    if not pipelines:
        return Snapshot((), Children(), Children(), Children())
    selector = f"{names.PIPELINE_LABEL}={name}" if name else names.PIPELINE_LABEL
    with ThreadPoolExecutor(len(_CHILDREN)) as threads:
        found = threads.map(lambda kind: children(kubectl, kind, selector), _CHILDREN)
    return Snapshot(tuple(sorted(pipelines, key=_identity)), *found)


def children(kubectl: Kubectl, kind: str, selector: str) -> Children:
    """The objects of a kind that stand for pipelines, by pipeline."""
    objects: defaultdict[tuple[str, str], list[Manifest]] = defaultdict(list)
    try:
        for child in kubectl.objects(kind, f"--selector={selector}"):
            objects[_owner(child)].append(child)
    except PluginError as error:
        return Children(unread=str(error))
    return Children(objects)


def pipeline(kubectl: Kubectl, name: str) -> Manifest:
    """The pipeline of that name. Raises NotFound, with the name that may have been meant, and other PluginErrors."""
    try:
        return kubectl.get(PIPELINES, name)
    except NotFound:
        raise _no_pipeline(kubectl, name) from None


def no_pipelines(kubectl: Kubectl) -> str:
    """What to say where there are none."""
    if kubectl.everywhere:
        return "no pipelines in this cluster; kubectl apply -f examples/pipelines/media.yaml makes one"
    where = f"namespace {kubectl.namespace}" if kubectl.namespace else "this namespace"
    return f"no pipelines in {where}; -n NAMESPACE looks in another one, -A in all"


def _no_pipeline(kubectl: Kubectl, name: str) -> NotFound:
    known = sorted(each["metadata"]["name"] for each in kubectl.objects(PIPELINES))
    return NotFound(f"pipeline {name}: found {_listed(known)}; expected one of that name; {_meant(name, known)}")


def _listed(known: Sequence[str], most: int = 10) -> str:
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more if known else "no pipelines in this namespace"


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "-n NAMESPACE looks in another namespace"


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _owner(child: Manifest) -> tuple[str, str]:
    metadata = child["metadata"]
    return metadata.get("namespace", ""), metadata.get("labels", {}).get(names.PIPELINE_LABEL, "")
