"""``kubectl mmpipe lag`` and the numbers behind it: what is not known is never a 0."""

import json

import pytest
from tests.unit.kubectl_mmpipe.objects import HPAS, PIPELINES, autoscaler, condition, deployment, pipeline
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

from kubectl_mmpipe.scaling import number, of_deployment

GOLDEN = """\
pipeline       process  backlog  ready  known from
default/media  all      10-99           status, rounded
default/media  gateway  unknown  1/1    no autoscaler reads it
default/media  image    81       1/2    queue_depth{modality=image} 40.5 of 32 a pod
"""


def test_the_whole_pipeline_then_each_process(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline())
    cluster.has("deployments.apps", deployment("gateway"), deployment("image", 1, 2))
    cluster.has(HPAS, autoscaler("image", "40500m"))

    out = "".join(line.rstrip() + "\n" for line in mmpipe("lag").out.splitlines())

    assert out == GOLDEN


def test_a_reading_that_failed_is_unknown_though_an_old_one_stands_there(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline("media", condition("QueueReachable", "False", "Unreachable", "no NATS")))
    cluster.has(HPAS, autoscaler("image", None))

    whole, _, image = json.loads(mmpipe("lag", "media", "--json").out)

    assert whole["backlog"] is None
    assert whole["known"] == "QueueReachable False: no NATS"
    assert image["backlog"] is None
    assert image["known"] == "reads nothing: FailedGetObjectMetric; kubectl describe hpa media-image"


def test_one_of_several_metrics_that_failed_is_unknown() -> None:
    hpa = autoscaler("image", "3")
    hpa["spec"]["metrics"].append(
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    )
    hpa["status"]["currentMetrics"].append({"type": ""})  # as the HPA controller leaves one that it could not read

    found = of_deployment([hpa], "media-image")

    assert found is not None
    assert [(reading.metric, reading.form, reading.current, reading.target) for reading in found.readings] == [
        ("queue_depth{modality=image}", "PerPod", 3, 32),
        ("cpu", "Percent", None, 80),
    ]
    assert found.backlog == 6


def test_the_backlog_is_the_queues_and_not_that_of_calls() -> None:
    hpa = autoscaler("image", "3")
    calls = {"name": "service_depth"}
    wish = {"metric": calls, "target": {"type": "AverageValue", "averageValue": "32"}}
    hpa["spec"]["metrics"].append({"type": "Object", "object": wish})
    hpa["status"]["currentMetrics"].append(
        {"type": "Object", "object": {"metric": calls, "current": {"averageValue": "90"}}}
    )

    found = of_deployment([hpa], "media-image")

    assert found is not None
    assert found.backlog == 6


def test_a_share_of_no_pods_says_nothing_of_the_backlog() -> None:
    found = of_deployment([autoscaler("image", "3", pods=0)], "media-image")

    assert found is not None
    assert found.backlog is None


def test_a_total_is_the_backlog_whatever_the_pods() -> None:
    hpa = autoscaler("image", "3", pods=0)
    hpa["spec"]["metrics"][0]["object"]["target"] = {"type": "Value", "value": "32"}
    hpa["status"]["currentMetrics"][0]["object"]["current"] = {"value": "1500m"}

    found = of_deployment([hpa], "media-image")

    assert found is not None
    assert found.backlog == 1.5


def test_an_autoscaler_of_another_deployment_is_not_taken() -> None:
    assert of_deployment([autoscaler("image", "3")], "media-gateway") is None


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("40", 40), ("40500m", 40.5), ("2k", 2000), ("1Ki", 1024), ("3Mi", 3 * 2**20), ("1e3", 1000), ("none", None)],
)
def test_quantities_are_read_as_kubernetes_writes_them(quantity: str, expected: float | None) -> None:
    assert number(quantity) == expected
