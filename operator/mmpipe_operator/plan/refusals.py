"""What can't be planned, in the words of the spec: said aloud instead of ignored (ADR 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmpipe.spec import MultimodalPipeline, Problem
from mmpipe_operator import names
from mmpipe_operator.kinds import SCALED_OBJECT
from mmpipe_operator.plan import files
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Context, Part, Process
from mmpipe_operator.plan.secrets import secret_refs

OWN_VOLUME = "config"
_PLACES = {GATEWAY: "spec.gateway", WORKER: "spec.worker", FUSE: "spec.fusion"}
"""Blocks of the spec with a process's template."""


def refusals(pipeline: MultimodalPipeline, parts: Sequence[Part], context: Context) -> tuple[Problem, ...]:
    """All of them, each once."""
    found = [*_of_mode(pipeline, context), *(problem for part in parts for problem in _of_part(part))]
    return tuple(dict.fromkeys(found))


def _of_mode(pipeline: MultimodalPipeline, context: Context) -> Iterator[Problem]:
    if pipeline.spec.scaling.mode != "KEDA":
        return
    if SCALED_OBJECT.api_version not in context.apis:
        expected = f"a cluster with KEDA ({SCALED_OBJECT.api_version})"
        yield Problem("spec.scaling.mode", "KEDA", expected, "install KEDA, or set the mode to HPA")
    if context.scaler is None:
        expected = "a metrics adapter with a certificate, which KEDA asks"
        remedy = "set metricsAdapter.enabled in the chart's values, or give it a minute where it has just started"
        yield Problem("spec.scaling.mode", "KEDA", expected, remedy)


def _of_part(part: Part) -> Iterator[Problem]:
    place = f"{_place(part.pipeline, part.process)}.template"
    yield from _of_labels(part, place)
    yield from _of_volumes(part, place)
    yield from _of_secrets(part)


def _of_labels(part: Part, place: str) -> Iterator[Problem]:
    own = names.labels(part.pipeline.metadata.name, part.process.name)
    for label in sorted(own.keys() & part.process.template.labels.keys()):
        yield Problem(f"{place}.labels", label, "a label that is not the operator's", "take it out")


def _of_volumes(part: Part, place: str) -> Iterator[Problem]:
    template = part.process.template
    if any(volume.name == OWN_VOLUME for volume in template.volumes):
        yield Problem(f"{place}.volumes", OWN_VOLUME, "a name that is not of the pipeline's file", "rename it")
    for mount in template.volume_mounts:
        if mount.mount_path.rstrip("/") == files.FOLDER:
            yield Problem(f"{place}.volumeMounts", mount.mount_path, "a folder other than the file's", "move it")


def _of_secrets(part: Part) -> Iterator[Problem]:
    """Two keys may ask for one variable, as `a-b`, `c` and `a`, `b-c` do."""
    keys = {(ref.variable, ref.name, ref.key) for ref in secret_refs(part.given)}
    variables = [variable for variable, _, _ in keys]
    for variable in sorted({each for each in variables if variables.count(each) > 1}):
        remedy = "rename one of the Secrets or keys"
        yield Problem("spec", f"two secrets for {variable}", "one for each variable", remedy)


def _place(pipeline: MultimodalPipeline, process: Process) -> str:
    if process.name in _PLACES:
        return _PLACES[process.name]
    modalities = [str(modality.name) for modality in pipeline.spec.modalities]
    return f"spec.modalities[{modalities.index(str(process.modality))}]"
