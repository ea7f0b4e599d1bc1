"""Every field of the spec, changed on a pipeline that runs and taken back: nothing of it stays, and nothing hangs.

``--fuzz-fields N`` says how many bounds of fields are tried, chosen by the seed that is printed (``--seed``); 0 is all
of them, as in ``make reliability``. What CEL rules refuse, and every bound of a new object, is in ``test_crd_*``.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.cluster.fixtures import discard
from e2e.cluster.operators import Operators, installed
from e2e.cluster.results import Results
from e2e.cluster.session import Cluster
from e2e.control_plane.fuzzing import Bench, Outcome
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.schema_cases import Place, places

from mmpipe_operator.crd import document

BENCHES = 4
"""Pipelines that are changed side by side, each in a namespace of its own."""
SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.fixture
def installation(cluster: Cluster, crd: None) -> Iterator[Operators]:  # noqa: ARG001  # it must be there
    namespaces = [cluster.new_namespace("fuzz") for _ in range(BENCHES)]
    with installed(cluster, namespaces) as operators:
        yield operators
    for namespace in namespaces:
        discard(cluster, namespace)


def test_what_is_changed_and_taken_back_leaves_no_trace_and_what_is_wrong_is_named(
    installation: Operators, cluster: Cluster, results: Results, request: pytest.FixtureRequest
) -> None:
    operator = installation()
    chosen = _chosen(int(request.config.getoption("--fuzz-fields")), results.seed)

    with ThreadPoolExecutor(BENCHES) as pool:
        pipelines = [Pipeline(cluster, namespace, "media") for namespace in installation.served]
        benches = list(pool.map(lambda each: Bench(each).begin(), pipelines))
        shares = [chosen[start::BENCHES] for start in range(BENCHES)]
        outcomes = [each for some in pool.map(_attempted, benches, shares) for each in some]
        unlike = list(pool.map(Bench.anew, benches))

    _tell(results, outcomes)
    assert not (faults := [str(each) for each in outcomes if each.faults]), "\n".join(faults)
    assert unlike == [""] * BENCHES
    assert operator.child.exit_code is None
    assert operator.healthy
    assert [line for line in operator.log().splitlines() if "Traceback" in line] == []


def _chosen(number: int, seed: int) -> list[Place]:
    """So many of all bounds; in no order, so that neighbours of a field don't hide what one of them leaves behind."""
    everything = places(SCHEMA, "spec")
    return random.Random(seed).sample(everything, min(number or len(everything), len(everything)))  # noqa: S311  # chooses tests


def _attempted(bench: Bench, share: list[Place]) -> list[Outcome]:
    return [bench.attempt(place.case()) for place in share]


def _tell(results: Results, outcomes: list[Outcome]) -> None:
    became = Counter(each.became for each in outcomes)
    results.row(
        "fuzz",
        bounds=len(outcomes),
        fields=len({each.case.path for each in outcomes}),
        applied=became["applied"],
        refused=became["refused"],
        stalled=became["stalled"],
        nothing_new=became["nothing new"],
        slowest_s=round(max(each.took_s for each in outcomes), 1),
        faults=sum(bool(each.faults) for each in outcomes),
    )
