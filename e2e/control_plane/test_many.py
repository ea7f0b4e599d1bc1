"""Many pipelines: a steady cluster sees no write, whatever is looked at again. ``--pipelines`` says how many.

On a cluster of their own: taking thousands of objects away would keep the controllers from other tests for minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.cluster.audit import AuditLog, Request, count, writes
from e2e.cluster.fixtures import establish
from e2e.cluster.operators import OperatorProcess, Operators, installed
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.kinds import PIPELINE, Manifest

RESYNC_S = 20
_SETTLE_S = 1200.0
_AUTOSCALED = 10
"""One pipeline in so many has autoscalers: their controller reads every one of them again every two seconds here."""


@pytest.fixture(scope="module")
def crowded(fresh_cluster: Cluster) -> Cluster:
    establish(fresh_cluster)
    return fresh_cluster


@pytest.fixture(scope="module")
def many(request: pytest.FixtureRequest, crowded: Cluster) -> list[Pipeline]:
    namespace = crowded.new_namespace("many")
    number = int(request.config.getoption("--pipelines"))
    return [Pipeline(crowded, namespace, f"p{each:04d}") for each in range(number)]


@pytest.fixture(scope="module")
def clusterwide(crowded: Cluster) -> Iterator[Operators]:
    with installed(crowded) as operators:
        yield operators


def test_many_pipelines_settle_and_then_nothing_is_written(
    many: list[Pipeline], clusterwide: Operators, crowded: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = _audit(crowded)
    replica = clusterwide(resync_seconds=RESYNC_S, probe_seconds=10, secrets_seconds=5)
    started, start = time.monotonic(), audit.mark()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_apply, enumerate(many)))
    wait_for(lambda: _settled(many), _SETTLE_S, lambda: _unsettled(many))
    took_s, steady = time.monotonic() - started, audit.mark()

    _looked_at_again(replica, 2 * len(many))
    end = audit.mark()
    asked = audit.between(steady, end, clusterwide.user)
    with capsys.disabled():
        _tell(f"{len(many)} pipelines settled in {took_s:.0f} s", audit.between(start, steady, clusterwide.user))
        _tell(f"then each was looked at twice, in {RESYNC_S} s", asked)
    assert _of_pipelines(writes(asked)) == []


def test_a_restarted_operator_finds_nothing_to_write(
    many: list[Pipeline], clusterwide: Operators, crowded: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = _audit(crowded)
    for replica in clusterwide.replicas:
        replica.stop()
    start = audit.mark()
    replica = clusterwide(resync_seconds=RESYNC_S, probe_seconds=10)
    _looked_at_again(replica, 2 * len(many))
    asked = audit.between(start, user=clusterwide.user)
    with capsys.disabled():
        _tell("an operator started anew and looked at each twice", asked)
    assert _of_pipelines(writes(asked)) == []


def _audit(cluster: Cluster) -> AuditLog:
    assert cluster.audit is not None
    return cluster.audit


def _apply(numbered: tuple[int, Pipeline]) -> None:
    number, pipeline = numbered
    pipeline.apply(scaling={"mode": "HPA" if number % _AUTOSCALED == 0 else "None"})


def _settled(many: list[Pipeline]) -> bool:
    return not _unsettled(many)


def _unsettled(many: list[Pipeline]) -> list[str]:
    """Those whose conditions are not what they will be for ever: stages up, neighbours away."""
    found = many[0].cluster.client.list(PIPELINE, many[0].namespace)
    done = {each["metadata"]["name"] for each in found if _is_steady(each)}
    return [each.name for each in many if each.name not in done]


def _is_steady(raw: Manifest) -> bool:
    conditions = {each["type"]: each["status"] for each in raw.get("status", {}).get("conditions", ())}
    wanted = {
        "StagesAvailable": "True",
        "Reconciling": "False",
        "QueueReachable": "False",
        "VectorStoreReachable": "False",
        "ScalingActive": "False",
    }
    return wanted.items() <= conditions.items()


def _looked_at_again(replica: OperatorProcess, times: int) -> None:
    """Wait until the operator has reconciled so often from now on, as it does at each resync."""
    looked: Callable[[], float] = lambda: replica.metric("mmpipe_operator_reconciles_total")  # noqa: E731
    first = looked()
    wait_for(lambda: looked() >= first + times, 10 * RESYNC_S, lambda: f"{looked() - first} of {times}")


def _of_pipelines(requests: list[Request]) -> list[Request]:
    """All but the operator's own lease, which says that it leads."""
    return [each for each in requests if each.resource != "leases"]


def _tell(what: str, requests: list[Request]) -> None:
    counts = ", ".join(f"{number} {name}" for name, number in count(requests).items())
    print(f"\n{what}; the operator asked: {counts or 'nothing'}")  # noqa: T201  # the count is what it shows
