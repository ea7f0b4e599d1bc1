"""How many pods a depth asks for: worked examples, by the formula of Kubernetes' documentation.

``ceil(currentReplicas * currentMetricValue / desiredMetricValue)``, where an average is of the pods that there are.
"""

import pytest
from tests.unit.kubectl_mmpipe.explanation.scenes import autoscaler

from kubectl_mmpipe.explanation.arithmetic import Pods, Tolerance, asked, is_close, tolerance

USUAL = Tolerance()


@pytest.mark.parametrize(
    ("depth", "pods", "expected"),
    [
        (0, 2, 0),
        (1, 2, 1),
        (64, 2, 2),
        (70, 2, 2),  # 70 / 64 is 1.09: within a tenth
        (71, 2, 3),  # 1.109: beyond it
        (58, 2, 2),  # 0.906
        (57, 2, 2),  # 0.89: beyond, and the quotient still rounds up to 2
        (32, 2, 1),
        (1000, 2, 32),
        (1, 0, 1),  # at no pods there is no tolerance: one sample wakes it
        (0, 0, 0),
        (33, 0, 2),
    ],
)
def test_a_depth_with_a_target_for_each_pod(depth: float, pods: int, expected: int) -> None:
    assert asked("PerPod", depth, 32, Pods(pods, pods), USUAL) == expected


@pytest.mark.parametrize(
    ("value", "pods", "ready", "expected"), [(200, 4, 4, 8), (50, 4, 4, 2), (200, 4, 2, 4), (100, 0, 0, 1)]
)
def test_a_depth_with_a_target_in_total_multiplies_the_ready_pods(
    value: float, pods: int, ready: int, expected: int
) -> None:
    assert asked("Total", value, 100, Pods(pods, ready), USUAL) == expected


def test_percent_is_of_each_pod_and_nobody_outside_can_reckon_it() -> None:
    assert asked("Percent", 80, 70, Pods(2, 2), USUAL) is None


def test_tolerances_may_differ_by_direction() -> None:
    hpa = autoscaler()
    hpa["spec"]["behavior"]["scaleDown"]["tolerance"] = "500m"

    found = tolerance(hpa)

    assert found == Tolerance(up=0.1, down=0.5)
    assert is_close("PerPod", 33, 32, Pods(2, 2), found)
    assert not is_close("PerPod", 31, 32, Pods(2, 2), found)
