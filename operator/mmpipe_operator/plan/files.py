"""The file that each process reads: the pipeline as far as it concerns that process, and no further (ADR 23).

So an edit of one modality restarts the pods of that modality (and gateway and worker, whose recipe names them all), and
an edit of scaling or templates restarts nobody. A file is never changed: its name holds a digest of its content.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part, Process

NAME = "pipeline.yaml"
FOLDER = "/etc/mmpipe"
_DIGITS = 10
_CLUSTER_ONLY = {"scaling", "template"}


def content(pipeline: MultimodalPipeline, process: Process) -> str:
    """The file of one process: JSON, which YAML is a superset of, with what the spec sets and no defaults."""
    document = {
        "apiVersion": pipeline.api_version,
        "kind": pipeline.kind,
        "metadata": {"name": pipeline.metadata.name, "namespace": pipeline.metadata.namespace},
        "spec": _spec(pipeline, process),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def name_of(part: Part) -> str:
    """Name of the ConfigMap with that file."""
    digest = hashlib.sha256(content(part.pipeline, part.process).encode()).hexdigest()
    return f"{part.name}-{digest[:_DIGITS]}"


def _spec(pipeline: MultimodalPipeline, process: Process) -> Manifest:
    spec: Manifest = pipeline.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    spec["modalities"] = [_modality(modality, process) for modality in _modalities(pipeline, process)]
    kept = _READ.get(process.name, _STAGE_SERVER)
    found = {block: spec[block] for block in kept if block in spec}
    return _only_read(found, process)


_STAGE_SERVER = ("modalities", "serving", "source", "sink")
_EVERYTHING = ("modalities", "alignment", "fusion", "source", "sink", "reliability", "topology", "serving")
_READ = {
    GATEWAY: (*_EVERYTHING, "gateway"),
    WORKER: (*_EVERYTHING, "worker"),
    FUSE: ("modalities", "alignment", "fusion", "serving"),
}


def _only_read(spec: Manifest, process: Process) -> Manifest:
    """Without what is inside a block and not for this process."""
    for block in (GATEWAY, WORKER):
        if block in spec:
            spec[block] = {
                name: value for name, value in spec[block].items() if name not in {*_CLUSTER_ONLY, "service"}
            }
    if process.modality is not None:
        spec["source"] = _some(spec.get("source", {}), "references")
        spec["sink"] = _some(spec.get("sink", {}), "objects")
    return {name: value for name, value in spec.items() if value}


def _modalities(pipeline: MultimodalPipeline, process: Process) -> tuple[Any, ...]:
    mine = tuple(each for each in pipeline.spec.modalities if each.name == process.modality)
    return mine or pipeline.spec.modalities


def _modality(modality: Any, process: Process) -> Manifest:  # noqa: ANN401  # one of the five models
    options = modality.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    kept = {"embed"} if process.name == FUSE else set(options) - _CLUSTER_ONLY
    return {"name": str(modality.name)} | {name: value for name, value in options.items() if name in kept}


def _some(block: Manifest, *kept: str) -> Manifest:
    return {name: value for name, value in block.items() if name in kept}
