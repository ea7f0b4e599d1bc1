"""All objects of a pipeline, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator.kinds import CHILDREN, SERVICE_MONITOR, Manifest, kind_of
from mmpipe_operator.plan.autoscaler import autoscaler
from mmpipe_operator.plan.config_map import config_map
from mmpipe_operator.plan.deployment import deployment
from mmpipe_operator.plan.disruption_budget import disruption_budget
from mmpipe_operator.plan.files import content, given
from mmpipe_operator.plan.model import Context, Part, Plan
from mmpipe_operator.plan.network_policy import network_policy
from mmpipe_operator.plan.processes import processes
from mmpipe_operator.plan.refusals import refusals
from mmpipe_operator.plan.scaled_object import scaled_object
from mmpipe_operator.plan.scaler_trust import scaler_trust
from mmpipe_operator.plan.service import services
from mmpipe_operator.plan.service_account import service_account
from mmpipe_operator.plan.service_monitor import service_monitor

_ALWAYS: tuple[Callable[[Part], Manifest], ...] = (config_map, network_policy, deployment, disruption_budget)


def plan(pipeline: MultimodalPipeline, context: Context) -> Plan:
    """What should be there for a pipeline, and nothing else: the same for the same arguments, ever."""
    running = processes(pipeline)
    parts = [Part(pipeline, process, context, own, content(own)) for process, own in given(pipeline, running)]
    problems = refusals(pipeline, parts, context)
    if problems:
        return Plan((), running, problems)
    manifests = [*_common(pipeline, context), *(manifest for part in parts for manifest in _objects(part))]
    return Plan(tuple(sorted(manifests, key=_place)), running)


def _common(pipeline: MultimodalPipeline, context: Context) -> Iterator[Manifest]:
    yield service_account(pipeline, context)
    if context.service_monitors and SERVICE_MONITOR.api_version in context.apis:
        yield service_monitor(pipeline, context)
    if _scaled_by_keda(pipeline) and context.scaler:
        yield from scaler_trust(pipeline, context, context.scaler)


def _objects(part: Part) -> Iterator[Manifest]:
    yield from (make(part) for make in _ALWAYS)
    yield from services(part)
    if part.pipeline.spec.scaling.mode == "HPA" and not part.paused:
        yield autoscaler(part)
    if _scaled_by_keda(part.pipeline) and part.context.scaler:
        yield scaled_object(part, part.context.scaler)


def _scaled_by_keda(pipeline: MultimodalPipeline) -> bool:
    return pipeline.spec.scaling.mode == "KEDA" and pipeline.spec.lifecycle.state != "Paused"


def _place(manifest: Manifest) -> int:
    return CHILDREN.index(kind_of(manifest))
