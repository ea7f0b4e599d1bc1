"""A path and a selector as a question: which pipeline, which metric, of which modality or process. Pure.

The path is ``namespaces/NAMESPACE/multimodalpipelines.mmpipe.dev/NAME/METRIC``, the selector ``metricLabelSelector`` as
the HPA controller writes it from ``matchLabels``: ``modality=image``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmpipe_operator import names
from mmpipe_operator.metrics_adapter.problems import BadQuestion, Unknown

RESOURCE = f"{names.PLURAL}.{names.GROUP}"
"""How the metrics API calls the kind of pipelines."""
MODALITY, PROCESS = "modality", "process"
LABELS = {names.QUEUE_DEPTH: MODALITY, names.SERVICE_DEPTH: PROCESS}
"""The metrics, and the label by which each can be asked of a part."""
_EQUALS = re.compile(r"\s*([^\s=!,]+)\s*==?\s*([^\s=!,]*)\s*")
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Question:
    """One metric of one pipeline; ``labels`` have ``modality`` or ``process``, or nothing for the whole pipeline."""

    namespace: str
    pipeline: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)


def question(path: Mapping[str, str], selector: str) -> Question:
    """What is asked. ``path`` has ``namespace``, ``resource``, ``name`` and ``metric``. Raises BadQuestion, Unknown."""
    if path["resource"] != RESOURCE:
        raise Unknown(f"{path['resource']}: found no metrics of this resource, expected {RESOURCE}; ask for that")
    if path["metric"] not in LABELS:
        known = " or ".join(LABELS)
        raise Unknown(f"{path['metric']}: found no such metric of {RESOURCE}, expected {known}; ask for one of them")
    if path["name"] == _ALL:
        raise BadQuestion("name: found *, expected the name of one pipeline; ask for each by its name")
    return Question(path["namespace"], path["name"], path["metric"], _labels(path["metric"], selector))


def _labels(metric: str, selector: str) -> dict[str, str]:
    found = dict(map(_pair, filter(None, selector.split(",")))) if selector.strip() else {}
    label = LABELS[metric]
    if found.keys() - {label}:
        raise BadQuestion(
            f"metricLabelSelector: found {selector}, expected {label}=NAME for {metric}; leave others out"
        )
    if metric == names.SERVICE_DEPTH and not found:
        raise BadQuestion(f"metricLabelSelector: found none, expected {label}=NAME for {metric}; name a process")
    return found


def _pair(requirement: str) -> tuple[str, str]:
    matched = _EQUALS.fullmatch(requirement)
    if matched is None:
        raise BadQuestion(f"metricLabelSelector: found {requirement.strip()}, expected LABEL=VALUE; use matchLabels")
    return matched[1], matched[2]
