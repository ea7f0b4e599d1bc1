"""Every bound of the CRD's schema, asked of the real API server: what keeps it passes, what breaks it is named.

The cases are made from the schema itself (``schema_cases``), so that none is forgotten. The model of the spec must say
the same of each object: what the cluster takes, `mmpipe` takes, and the other way round.
"""

from __future__ import annotations

import pytest
from e2e.cluster.session import Cluster
from e2e.control_plane.schema_cases import Case, cases
from e2e.control_plane.verdicts import Verdict, judged

from mmpipe_operator.crd import document

SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
CASES = cases(SCHEMA, "spec")
KINDS = sorted({case.bound.partition(" ")[0] for case in CASES})


@pytest.fixture(scope="module")
def somewhere(cluster: Cluster, crd: None) -> str:  # noqa: ARG001  # it must be there
    return cluster.new_namespace("bounds")


def _those(kind: str) -> list[Case]:
    return [case for case in CASES if case.bound.partition(" ")[0] == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_what_breaks_a_bound_is_refused_by_the_name_of_its_field(cluster: Cluster, somewhere: str, kind: str) -> None:
    those = _those(kind)

    verdicts = judged(cluster.client, somewhere, (case.broken for case in those))

    missed = [
        (case.path, case.bound, verdict.message)
        for case, verdict in zip(those, verdicts, strict=True)
        if not verdict.names(case.path)
    ]
    assert not missed


@pytest.mark.parametrize("kind", KINDS)
def test_what_keeps_a_bound_is_taken(cluster: Cluster, somewhere: str, kind: str) -> None:
    those = _those(kind)

    verdicts = judged(cluster.client, somewhere, (case.kept for case in those))

    missed = [
        (case.path, case.bound, verdict.message)
        for case, verdict in zip(those, verdicts, strict=True)
        if not _as_it_acts(case, verdict)
    ]
    assert not missed


def _as_it_acts(case: Case, verdict: Verdict) -> bool:
    """Taken; or, where the setting does not act yet, refused with that sentence and for nothing else."""
    if case.acts:
        return verdict.accepted
    return "comes with" in verdict.message or "come with" in verdict.message
