"""The CRD and the model of the spec say the same, as far as it can be seen without an API server.

``e2e/control_plane/test_crd_*`` asks a real one about the same objects.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

from e2e.control_plane.model_verdict import of_the_model, takes
from e2e.control_plane.rule_cases import rule_case
from e2e.control_plane.schema_cases import BASE, Case, bounds, cases, nodes

from mmpipe_operator.crd import document, rules

SCHEMA = document()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@cache
def _cases() -> tuple[Case, ...]:
    return tuple(cases(SCHEMA, "spec"))


def test_the_model_refuses_what_breaks_a_bound() -> None:
    assert not [(case.path, case.bound) for case in _cases() if takes(case.broken)]


def test_the_model_takes_what_keeps_a_bound_or_says_that_it_does_not_act_yet() -> None:
    answers = [(case.path, case.bound, of_the_model(case.kept)) for case in _cases() if not case.acts]

    assert not [answer for answer in answers if "that acts in this release" not in answer[2]]
    assert len(answers) < len(_cases()) / 50


def test_every_bound_of_the_schema_has_its_case() -> None:
    found = Counter(bound for _, node in nodes(SCHEMA["properties"]["spec"], ("spec",)) for bound, _ in bounds(node))

    assert Counter(case.bound for case in _cases()) == found


def test_the_model_says_of_the_examples_of_a_rule_what_the_rule_says() -> None:
    examples = [rule_case(SCHEMA, placed) for placed in rules()]

    assert not [case.path for case in examples if not takes(case.accepted)]
    assert not [case.path for case in examples if case.before is None and takes(case.rejected)]


def test_the_pipeline_in_which_all_cases_are_put_is_taken() -> None:
    assert of_the_model(BASE) == ""
