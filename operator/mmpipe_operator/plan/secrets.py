"""What a pipeline's pods read beside their file, by reference only: no value of a Secret is ever in a plan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import get_args

from pydantic import BaseModel

from mmpipe.spec import MultimodalPipeline
from mmpipe.spec.sink import SecretRef
from mmpipe.spec.template import PodTemplate
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.plan import files
from mmpipe_operator.plan.model import Part
from mmpipe_operator.plan.processes import processes


def references(pipeline: MultimodalPipeline) -> tuple[str, ...]:
    """`Secret/name` and `ConfigMap/name` of all that its pods read, sorted."""
    parts = files.given(pipeline, processes(pipeline))
    return tuple(sorted({name for process, own in parts for name in read_by(own, process.template)}))


def read_by(given: MultimodalPipeline, template: PodTemplate) -> set[str]:
    """The same of one process: what its file names, and what its template does."""
    return {f"Secret/{ref.name}" for ref in secret_refs(given)} | set(_of_template(template))


def environment(part: Part) -> list[Manifest]:
    """The variables that carry secrets into a process, each by reference."""
    found = {ref.variable: ref for ref in secret_refs(part.given)}
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
        for variable, ref in sorted(found.items())
    ]


def secret_refs(model: BaseModel) -> Iterator[SecretRef]:
    """All of a spec, or of a block."""
    for name in _may_have(type(model)):
        value = getattr(model, name)
        if isinstance(value, SecretRef):
            yield value
        elif isinstance(value, BaseModel):
            yield from secret_refs(value)


@cache
def _may_have(block: type[BaseModel]) -> tuple[str, ...]:
    """Fields in which a SecretRef may be, as their types say: most blocks have none, and need no search."""
    return tuple(name for name, field in block.model_fields.items() if any(map(_is_or_has, _types(field.annotation))))


def _is_or_has(found: object) -> bool:
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return False
    return issubclass(found, SecretRef) or bool(_may_have(found))


def _types(annotation: object) -> Iterator[object]:
    """The type, or those of a union."""
    yield from get_args(annotation) or (annotation,)


def _of_template(template: PodTemplate) -> Iterator[str]:
    for source in (variable.value_from for variable in template.env if variable.value_from):
        if source.secret_key_ref:
            yield f"Secret/{source.secret_key_ref.name}"
        if source.config_map_key_ref:
            yield f"ConfigMap/{source.config_map_key_ref.name}"
    for volume in template.volumes:
        if volume.secret:
            yield f"Secret/{volume.secret.secret_name}"
        if volume.config_map:
            yield f"ConfigMap/{volume.config_map.name}"
