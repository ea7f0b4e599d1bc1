"""The API server or etcd is killed and comes back while a pipeline is edited: all ends as it would have ended.

On a control plane of its own. How long one stays away is 5 s, or with ``--full-faults`` also longer than a lease.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from e2e.cluster.fixtures import establish
from e2e.cluster.results import Results
from e2e.cluster.session import Cluster
from e2e.cluster.supervisor import Plane
from e2e.control_plane.faulty import LEASE_S, Faulty, faulty_in

AWAY_S = 5.0
LONG_AWAY_S = 1.5 * LEASE_S
"""Nobody can keep a lease for so long: the operator ends, and is started again as a kubelet does it."""
BOUND_S = 120.0
"""From when the API server is ready again: watches begin anew within 30 s, a pipeline is tried again within 60 s."""


@pytest.fixture(scope="module")
def scene(fresh_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    establish(fresh_cluster)
    with faulty_in(fresh_cluster, tmp_path_factory.mktemp("proxy"), resync_seconds=600) as faulty:
        yield faulty


@pytest.fixture
def away_s(request: pytest.FixtureRequest) -> float:
    return LONG_AWAY_S if request.config.getoption("--full-faults") else AWAY_S


@pytest.mark.parametrize("server", ["kube-apiserver", "etcd"])
@pytest.mark.parametrize("edited", ["before", "after"])
def test_a_server_of_the_control_plane_is_killed_and_comes_back(
    scene: Faulty, results: Results, away_s: float, server: str, edited: str
) -> None:
    plane = _plane(scene)
    scene.rest()
    scene.restarts = 0
    if edited == "before":
        before = scene.act()
        _away(plane, server, away_s)
    else:
        _away(plane, server, away_s)
        before = scene.act()
    took_s = scene.converge(before, BOUND_S)
    if away_s == AWAY_S:
        assert scene.restarts == 0, scene.operators.log()[-4000:]
    results.row(
        "faults",
        fault=f"{server} killed just {'after' if edited == 'before' else 'before'} an edit, away for {away_s:.0f} s",
        bound_s=round(BOUND_S),
        took_s=round(took_s, 1),
    )


def _away(plane: Plane, server: str, seconds: float) -> None:
    plane.kill(server)
    time.sleep(seconds)
    plane.start(server)


def _plane(scene: Faulty) -> Plane:
    found = scene.pipeline.cluster.plane
    assert found is not None
    return found
