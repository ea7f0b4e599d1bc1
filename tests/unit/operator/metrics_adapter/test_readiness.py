from __future__ import annotations

from mmpipe_operator.metrics_adapter.readiness import Readiness


def test_a_replica_is_ready_when_it_lacks_nothing() -> None:
    readiness = Readiness("front proxy", "certificate")
    assert readiness.unready() == "front proxy: not there yet; certificate: not there yet"
    readiness.tell("front proxy")
    readiness.tell("certificate")
    assert not readiness.unready()


def test_a_new_problem_makes_it_unready_and_says_why() -> None:
    readiness = Readiness()
    assert not readiness.unready()
    readiness.tell("APIService", "found it served by another")
    assert readiness.unready() == "APIService: found it served by another"
