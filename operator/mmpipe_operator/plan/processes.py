"""Which processes a pipeline has: gateway, worker, fuse, and those that serve stages, by its topology.

They find each other by name (``mmpipe.runtimes.stage_clients.Endpoints``); a test holds that the names agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmpipe.records import Modality
from mmpipe.spec import ModalitySpec, MultimodalPipeline
from mmpipe.spec.scaling import Process as SpecProcess
from mmpipe_operator import names
from mmpipe_operator.plan.model import FUSE, GATEWAY, WORKER, Process

STAGES = ("decode", "clean", "embed")


def processes(pipeline: MultimodalPipeline) -> tuple[Process, ...]:
    """All of them, the gateway first."""
    spec = pipeline.spec
    return (
        _process(pipeline, GATEWAY, ("gateway",), spec.gateway),
        _process(pipeline, WORKER, ("work",), spec.worker),
        *(process for modality in spec.modalities for process in _stage_servers(pipeline, modality)),
        _process(pipeline, FUSE, ("serve", "--fuse"), spec.fusion),
    )


def _stage_servers(pipeline: MultimodalPipeline, modality: ModalitySpec) -> Iterator[Process]:
    which = Modality(modality.name)
    serve = ("serve", "--modality", str(modality.name))
    if pipeline.spec.topology == "PerModality":
        yield _process(pipeline, str(modality.name), serve, modality, modality=which)
        return
    for stage in STAGES:
        name = f"{modality.name}-{stage}"
        yield _process(pipeline, name, (*serve, "--stage", stage), modality, modality=which, stage=stage)


def _process(
    pipeline: MultimodalPipeline,
    name: str,
    command: tuple[str, ...],
    block: SpecProcess | ModalitySpec,
    **own: Any,  # noqa: ANN401  # fields of Process by name
) -> Process:
    host = f"{names.child(pipeline.metadata.name, name)}.{pipeline.metadata.namespace}"
    return Process(
        name=name,
        endpoint=f"{host}:{names.grpc_port(name)}",
        arguments=command,
        scaling=block.scaling,
        rollout=block.rollout,
        template=block.template,
        **own,
    )
