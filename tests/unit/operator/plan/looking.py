"""What tests look at in a plan: all of it, one kind, or the pods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tests.unit.operator.plan.anything import APIS
from tests.unit.operator.plan.scenes import KEDA

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import DEPLOYMENT, Kind, Manifest, kind_of
from mmpipe_operator.plan import plan

ANY = replace(KEDA, apis=APIS, service_monitors=True)
"""A cluster that has everything."""


def planned(pipeline: MultimodalPipeline) -> tuple[Manifest, ...]:
    """All manifests of a pipeline that can be planned."""
    found = plan(pipeline, ANY)
    assert not found.problems
    return found.manifests


def of(kind: Kind, manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Those of a kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests if kind_of(each) is kind}


def by_process(kind: Kind, manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Those of a kind, by the process that they are of."""
    return {each["metadata"]["labels"][names.COMPONENT_LABEL]: each for each in of(kind, manifests).values()}


def pods(pipeline: MultimodalPipeline) -> dict[str, Manifest]:
    """The pod spec of each process."""
    return {
        process: each["spec"]["template"]["spec"] for process, each in by_process(DEPLOYMENT, planned(pipeline)).items()
    }


def container(pod: Manifest) -> Manifest:
    """Its only one."""
    (only,) = pod["containers"]
    found: Manifest = only
    return found
