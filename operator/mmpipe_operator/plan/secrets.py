"""What a pipeline's pods read beside their file, by reference only: no value of a Secret is ever in a plan."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.sink import SecretRef
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan.model import FUSE, GATEWAY, Part, Process
from mmpipe_operator.plan.processes import processes


def references(pipeline: MultimodalPipeline) -> tuple[str, ...]:
    """`Secret/name` and `ConfigMap/name` of all that its pods read, sorted."""
    return tuple(sorted({name for process in processes(pipeline) for name in read_by(pipeline, process)}))


def read_by(pipeline: MultimodalPipeline, process: Process) -> set[str]:
    """The same of one process."""
    own = {f"Secret/{ref.name}" for ref in secret_refs(pipeline, process)}
    return own | set(_of_template(process.template.model_dump(mode="json", by_alias=True, exclude_none=True)))


def environment(part: Part) -> list[Manifest]:
    """The variables that carry secrets into a process, each by reference."""
    found = {ref.variable: ref for ref in secret_refs(part.pipeline, part.process)}
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
        for variable, ref in sorted(found.items())
    ]


def secret_refs(pipeline: MultimodalPipeline, process: Process) -> tuple[SecretRef, ...]:
    """The secrets that a process reads: a stage server those of the object store, fuse none."""
    spec = pipeline.spec
    if process.name == FUSE:
        return ()
    if process.modality is not None:
        return tuple(_refs(spec.sink.objects))
    gateway = _refs(spec.gateway) if process.name == GATEWAY else ()
    return (*_refs(spec.source), *_refs(spec.sink), *gateway)


def _refs(model: BaseModel) -> Iterator[SecretRef]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretRef):
            yield value
        elif isinstance(value, BaseModel):
            yield from _refs(value)


def _of_template(template: Manifest) -> Iterator[str]:
    for variable in template.get("env", ()):
        source = variable.get("valueFrom", {})
        yield from (f"Secret/{ref['name']}" for ref in [source.get("secretKeyRef")] if ref)
        yield from (f"ConfigMap/{ref['name']}" for ref in [source.get("configMapKeyRef")] if ref)
    for volume in template.get("volumes", ()):
        yield from (f"Secret/{ref['secretName']}" for ref in [volume.get("secret")] if ref)
        yield from (f"ConfigMap/{ref['name']}" for ref in [volume.get("configMap")] if ref)
