"""The metrics that a process goes by: those of its autoscaler, or those that ours would have."""

import dataclasses

import pytest
from tests.unit.operator.plan.looking import by_process, planned
from tests.unit.operator.plan.scenes import pipeline

from kubectl_mmpipe.explanation.case import Case
from kubectl_mmpipe.explanation.signals import signals
from mmpipe_operator.kinds import AUTOSCALER, Manifest

SPECS = {
    "one pod for each modality": "\n  modalities: [{name: image}, {name: audio}]\n  scaling: {targetQueueDepth: 7}\n",
    "one pod for each stage": "\n  topology: PerStage\n  modalities: [{name: depth}]\n",
    "to zero": "\n  modalities: [{name: text}]\n  scaling: {minReplicas: 0}\n",
    "one's own target": "\n  modalities: [{name: video, scaling: {targetQueueDepth: 2}}]\n",
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_without_an_autoscaler_the_signals_are_those_that_the_operator_would_give_it(spec: str) -> None:
    made = pipeline(spec)
    raw = made.model_dump(mode="json", by_alias=True)
    autoscalers = by_process(AUTOSCALER, planned(made))
    assert autoscalers

    for process, autoscaler in autoscalers.items():
        assert signals(case(raw, process)) == signals(case(raw, process, autoscaler))


def test_what_nobody_can_ask_has_no_path() -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    metrics = [{"type": "Resource", "resource": cpu}]
    hpa = {"metadata": {"name": "keda-hpa-media-gateway"}, "spec": {"maxReplicas": 4, "metrics": metrics}}

    (found,) = signals(case({"metadata": {"name": "media"}, "spec": {}}, "gateway", hpa))

    assert dataclasses.astuple(found) == ("cpu", "Percent", 70, None, "")


def case(raw: Manifest, process: str, autoscaler: Manifest | None = None) -> Case:
    return Case(raw, process, None, autoscaler, None, ())
