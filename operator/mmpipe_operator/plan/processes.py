"""Which processes a pipeline has: gateway, worker, fuse, and those that serve stages, by its topology.

They find each other by name (``mmpipe.runtimes.stage_clients.Endpoints``); a test holds that the names agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmpipe.records import Modality
from mmpipe.spec import ModalitySpec, MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Process

STAGES = ("decode", "clean", "embed")


def processes(pipeline: MultimodalPipeline) -> tuple[Process, ...]:
    """All of them, the gateway first."""
    spec = pipeline.spec
    return (
        _process(pipeline, GATEWAY, ("gateway",), scaling=spec.gateway.scaling, template=spec.gateway.template),
        _process(pipeline, WORKER, ("work",), scaling=spec.worker.scaling, template=spec.worker.template),
        *(process for modality in spec.modalities for process in _stage_servers(pipeline, modality)),
        _process(pipeline, FUSE, ("serve", "--fuse"), scaling=spec.fusion.scaling, template=spec.fusion.template),
    )


def _stage_servers(pipeline: MultimodalPipeline, modality: ModalitySpec) -> Iterator[Process]:
    own = {
        "modality": Modality(modality.name),
        "scaling": modality.scaling,
        "template": modality.template,
    }
    serve = ("serve", "--modality", str(modality.name))
    if pipeline.spec.topology == "PerModality":
        yield _process(pipeline, str(modality.name), serve, **own)
        return
    for stage in STAGES:
        yield _process(pipeline, f"{modality.name}-{stage}", (*serve, "--stage", stage), stage=stage, **own)


def _process(pipeline: MultimodalPipeline, name: str, command: tuple[str, ...], **own: object) -> Process:
    host = f"{names.child(pipeline.metadata.name, name)}.{pipeline.metadata.namespace}"
    return Process(name=name, endpoint=f"{host}:{names.grpc_port(name)}", arguments=command, **own)  # type: ignore[arg-type]  # fields of Process by name
