"""Why a pod does not serve, from what Kubernetes says of it."""

from tests.unit.kubectl_mmpipe.objects import condition, pod

from kubectl_mmpipe.pods import troubles


def test_a_ready_pod_has_no_trouble() -> None:
    assert troubles([pod("a", "image")]) == ()


def test_a_pod_that_goes_away_has_none() -> None:
    going = pod("a", "image", ready=False)
    going["metadata"]["deletionTimestamp"] = "2026-07-01T12:00:00Z"

    assert troubles([going]) == ()


def test_a_pod_that_can_not_be_placed_says_why() -> None:
    pending = pod("a", "image", ready=False)
    unplaced = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: insufficient memory")
    pending["status"] |= {"phase": "Pending", "containerStatuses": [], "conditions": [unplaced]}

    (found,) = troubles([pending])

    assert (found.reason, found.message) == ("Unschedulable", "0/3 nodes are available: insufficient memory")
    assert found.look == "kubectl describe pod a -n default"


def test_an_evicted_pod_says_so() -> None:
    evicted = pod("a", "image", ready=False)
    evicted["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}

    assert [(each.reason, each.message) for each in troubles([evicted])] == [("Evicted", "the node was low on memory")]


def test_a_crash_leads_to_the_log_of_the_container_before() -> None:
    crashing = pod("a", "image", ready=False, restarts=3, waiting={"reason": "CrashLoopBackOff", "message": "back-off"})
    ended = {"reason": "Error", "exitCode": 2, "message": "spec: no such model\n"}
    crashing["status"]["containerStatuses"][0]["lastState"] = {"terminated": ended}

    (found,) = troubles([crashing])

    assert found.message == "Error, exit code 2: spec: no such model"
    assert found.look == "kubectl logs a -n default --previous"
    assert found.restarts == 3


def test_a_container_that_is_being_made_is_only_not_ready() -> None:
    (found,) = troubles([pod("a", "image", ready=False, waiting={"reason": "ContainerCreating"})])

    assert (found.reason, found.message) == ("NotReady", "containers with unready status: [image]")


def test_a_container_that_ended_is_told_before_it_starts_again() -> None:
    (found,) = troubles([pod("a", "image", ready=False, terminated={"reason": "OOMKilled", "exitCode": 137})])

    assert (found.reason, found.message) == ("OOMKilled", "OOMKilled, exit code 137")
