"""The file that each process reads: the pipeline as far as it concerns that process, and no further (ADR 23).

So an edit of one modality restarts the pods of that modality (and of the worker, whose recipe is of them all), an edit
of scaling or templates restarts nobody by this file, and secrets and network policies follow from it: a process is
given neither a store's credentials nor its port where its file does not name the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from mmpipe.spec import MultimodalPipeline, from_object
from mmpipe.spec.model import SpecModel
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Part, Process

NAME = "pipeline.yaml"
FOLDER = "/etc/mmpipe"
_DIGITS = 10

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""That of libyaml, four times as fast, where PyYAML was built with it."""

type Tree = Mapping[str, Tree | None]
"""Fields of a block, in the YAML's words; None is all of a field."""

_QUEUE_AND_REFERENCES: Tree = {"queue": None, "references": None}
_FUSING: Tree = {"strategy": None, "weights": None, "whenMissing": None}
_DRAIN: Tree = {"drainSeconds": None}
READ: Mapping[str, Tree] = {
    GATEWAY: {
        "modalities": {"decode": {"audioTrack": None}, "embed": {"model": None}},
        "source": {"queue": None, "references": {"schemes": None}},
        "sink": None,
        "reliability": None,
        "topology": None,
        "serving": _DRAIN,
        "gateway": {"authentication": None, "tls": None, "limits": None, "cache": None},
    },
    WORKER: {
        "modalities": {"decode": None, "clean": None, "augment": None, "embed": None},
        "alignment": None,
        "fusion": _FUSING,
        "source": _QUEUE_AND_REFERENCES,
        "sink": None,
        "reliability": None,
        "topology": None,
        "serving": _DRAIN,
        "worker": {"maxSamples": None, "maxBytes": None},
    },
    FUSE: {"modalities": {}, "alignment": None, "fusion": _FUSING, "serving": None},
}
"""What the runtimes read (``mmpipe.runtimes``: gateway, worker, stage_server)."""
_FETCHED: Tree = {"source": {"references": None}, "sink": {"objects": {"uri": None, "credentialsSecretRef": None}}}
"""What a stage server reads beside its stages where it decodes: media may lie elsewhere."""


def given(pipeline: MultimodalPipeline, running: Iterable[Process]) -> Iterator[tuple[Process, MultimodalPipeline]]:
    """Each process with the pipeline as it sees it: what it does not read has its default."""
    whole = _document(pipeline)
    for process in running:
        yield process, from_object({**whole, "spec": _spec(whole["spec"], process)})


def content(own: MultimodalPipeline) -> str:
    """The text of a file: what the spec sets, and no defaults. YAML by the library that reads it."""
    return yaml.dump(_document(own), Dumper=_DUMPER, allow_unicode=True)


def name_of(part: Part) -> str:
    """Name of the ConfigMap with that file: it changes with the content, and the content of a name never does."""
    return f"{part.name}-{hashlib.sha256(part.file.encode()).hexdigest()[:_DIGITS]}"


def _spec(whole: Manifest, process: Process) -> Manifest:
    tree = READ.get(process.name) or _stage_server(process)
    mine = [each for each in whole["modalities"] if process.modality in {None, each["name"]}]
    modalities = {"name": None, **(tree["modalities"] or {})}
    picked: Manifest = _picked({**whole, "modalities": mine}, {**tree, "modalities": modalities})
    return picked


def _stage_server(process: Process) -> Tree:
    verbs = (process.stage,) if process.stage else ("decode", "clean", "embed")
    own: Tree = {"modalities": dict.fromkeys(verbs), "serving": None}
    return {**own, **_FETCHED} if process.fetches else own


def _document(pipeline: MultimodalPipeline) -> Manifest:
    """As JSON, without defaults; each modality with its name, which is its default."""
    metadata = {"name": pipeline.metadata.name, "namespace": pipeline.metadata.namespace}
    spec = {**_set(pipeline.spec), "modalities": [{"name": str(m.name), **_set(m)} for m in pipeline.spec.modalities]}
    return {"apiVersion": pipeline.api_version, "kind": pipeline.kind, "metadata": metadata, "spec": spec}


def _set(block: SpecModel) -> Manifest:
    return block.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _picked(block: Any, tree: Tree | None) -> Any:  # noqa: ANN401  # JSON
    if tree is None:
        return block
    if isinstance(block, list):
        return [_picked(entry, tree) for entry in block]
    found = {name: _picked(block[name], inner) for name, inner in tree.items() if name in block}
    return {name: value for name, value in found.items() if value != {}}
