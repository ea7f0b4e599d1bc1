"""Every CEL rule of the CRD, asked of the real API server: its good example passes, its bad one gets its words.

The rules come from the registry (``mmpipe_operator.crd.rules``), so that none is without its two objects.
"""

from __future__ import annotations

from functools import cache

import pytest
from e2e.cluster.session import Cluster
from e2e.control_plane.rule_cases import RuleCase, rule_case
from e2e.control_plane.verdicts import Verdict, change, judged

from mmpipe_operator.crd import document, rules
from mmpipe_operator.kinds import PIPELINE, Manifest

SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@cache
def _cases() -> tuple[RuleCase, ...]:
    return tuple(rule_case(SCHEMA, placed) for placed in rules())


def _about_one_object() -> list[RuleCase]:
    return [case for case in _cases() if case.before is None]


def _about_a_change() -> list[RuleCase]:
    return [case for case in _cases() if case.before is not None]


def _said(case: RuleCase, verdict: Verdict) -> bool:
    return verdict.names(case.path) and case.words in verdict.message


@pytest.fixture(scope="module")
def somewhere(cluster: Cluster, crd: None) -> str:  # noqa: ARG001  # it must be there
    return cluster.new_namespace("rules")


def test_what_a_rule_refuses_gets_its_words_and_the_name_of_its_field(cluster: Cluster, somewhere: str) -> None:
    cases = _about_one_object()

    verdicts = judged(cluster.client, somewhere, (case.rejected for case in cases))

    pairs = zip(cases, verdicts, strict=True)
    assert not [(case.path, case.words, verdict.message) for case, verdict in pairs if not _said(case, verdict)]


def test_what_a_rule_accepts_is_taken(cluster: Cluster, somewhere: str) -> None:
    cases = _about_one_object()

    verdicts = judged(cluster.client, somewhere, (case.accepted for case in cases))

    pairs = zip(cases, verdicts, strict=True)
    assert not [(case.path, verdict.message) for case, verdict in pairs if not verdict.accepted]


def test_a_change_is_refused_or_taken_as_its_rule_says(cluster: Cluster, somewhere: str) -> None:
    outcomes = [(case, *_changed(cluster, somewhere, case)) for case in _about_a_change()]

    assert len(outcomes) > 3
    assert not [(case.path, good.message) for case, good, _ in outcomes if not good.accepted]
    assert not [(case.path, case.words, bad.message) for case, _, bad in outcomes if not _said(case, bad)]


def _changed(cluster: Cluster, namespace: str, case: RuleCase) -> tuple[Verdict, Verdict]:
    """The verdicts on the good and the bad change of an object that is really there."""
    assert case.before is not None
    there = cluster.client.create(PIPELINE, _within(namespace, case.before))
    try:
        version = {"resourceVersion": there["metadata"]["resourceVersion"]}
        good, bad = (
            change(cluster.client, namespace, each | {"metadata": each["metadata"] | version})
            for each in (case.accepted, case.rejected)
        )
    finally:
        cluster.client.delete(PIPELINE, namespace, there["metadata"]["name"])
    return good, bad


def _within(namespace: str, document: Manifest) -> Manifest:
    return document | {"metadata": document["metadata"] | {"namespace": namespace}}
