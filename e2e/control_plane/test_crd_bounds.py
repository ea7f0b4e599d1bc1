"""Every bound of the CRD's schema, asked of the real API server: what keeps it passes, what breaks it is named.

The cases are made from the schema itself (``schema_cases``), so that none is forgotten. The model of the spec must say
the same of each object: what the cluster takes, `mmpipe` takes, and the other way round.
"""

from __future__ import annotations

from collections import Counter

import pytest

from e2e.cluster.session import Cluster
from e2e.control_plane.schema_cases import NAME, Case, bounds, cases, nodes
from e2e.control_plane.verdicts import Verdict, judged, of_the_model
from mmpipe_operator.crd import document

SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
CASES = cases(SCHEMA, "spec", lambda each: of_the_model(each) == "")
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

    missed = [(case.path, case.bound, verdict.message) for case, verdict in zip(those, verdicts, strict=True) if not verdict.names(case.path)]
    assert not missed


@pytest.mark.parametrize("kind", KINDS)
def test_what_keeps_a_bound_is_taken(cluster: Cluster, somewhere: str, kind: str) -> None:
    those = _those(kind)

    verdicts = judged(cluster.client, somewhere, (case.kept for case in those))

    missed = [(case.path, case.bound, verdict.message) for case, verdict in zip(those, verdicts, strict=True) if not _as_it_acts(case, verdict)]
    assert not missed


def _as_it_acts(case: Case, verdict: Verdict) -> bool:
    """Taken; or, where the setting does not act yet, refused with that sentence and for nothing else."""
    if case.acts:
        return verdict.accepted
    return "comes with" in verdict.message or "come with" in verdict.message


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_refuses_what_breaks_a_bound(kind: str) -> None:
    assert not [(case.path, case.bound) for case in _those(kind) if of_the_model(case.broken) == ""]


def test_every_bound_of_the_schema_has_its_case() -> None:
    found = Counter(bound for _, node in nodes(SCHEMA["properties"]["spec"], ("spec",)) for bound, _ in bounds(node))

    assert Counter(case.bound for case in CASES) == found


def test_a_field_whose_bound_cant_be_kept_does_not_act_yet() -> None:
    idle = {case.path for case in CASES if not case.acts}

    assert all("comes with" in of_the_model(case.kept) or "come with" in of_the_model(case.kept) for case in CASES if not case.acts), idle


def test_no_list_text_or_map_is_without_a_bound() -> None:
    bound = {"array": "maxItems", "string": "maxLength", "object": "properties"}
    unbounded = [
        steps
        for root in ("spec", "status")
        for steps, node in nodes(SCHEMA["properties"][root], (root,))
        if node["type"] in bound and not {bound[node["type"]], "enum", "maxProperties", "format"} & set(node)
    ]

    assert not unbounded


def test_every_field_has_a_description() -> None:
    assert not [
        steps
        for steps, node in nodes(SCHEMA["properties"]["spec"], ("spec",))
        if steps[-1] not in {"[]", "{}"} and not node.get("description")
    ]


def test_the_name_of_the_cases_is_that_of_a_pipeline() -> None:
    assert {case.kept["metadata"]["name"] for case in CASES} == {NAME}
