from __future__ import annotations

import pytest

from mmpipe_operator.metrics_adapter.problems import ApiProblem, BadQuestion, Unknown
from mmpipe_operator.metrics_adapter.request import RESOURCE, Question, question


def path(metric: str = "queue_depth", **other: str) -> dict[str, str]:
    return {"namespace": "team", "resource": RESOURCE, "name": "media", "metric": metric} | other


@pytest.mark.parametrize(
    ("metric", "selector", "labels"),
    [
        ("queue_depth", "", {}),
        ("queue_depth", "modality=image", {"modality": "image"}),
        ("queue_depth", " modality == image ", {"modality": "image"}),
        ("service_depth", "process=image-decode", {"process": "image-decode"}),
    ],
)
def test_a_path_and_a_selector_are_a_question(metric: str, selector: str, labels: dict[str, str]) -> None:
    assert question(path(metric), selector) == Question("team", "media", metric, labels)


@pytest.mark.parametrize(
    ("asked", "selector", "problem", "said"),
    [
        (path(resource="pods"), "", Unknown, "pods: found no metrics of this resource, expected multimodal"),
        (path("lag"), "", Unknown, "lag: found no such metric.*expected queue_depth or service_depth"),
        (path(name="*"), "", BadQuestion, "expected the name of one pipeline"),
        (path(), "process=image", BadQuestion, "found process=image, expected modality=NAME for queue_depth"),
        (path(), "modality=image,lane=x", BadQuestion, "leave others out"),
        (path(), "modality in (image)", BadQuestion, r"found modality in \(image\), expected LABEL=VALUE"),
        (path(), "modality!=image", BadQuestion, "expected LABEL=VALUE; use matchLabels"),
        (path(), "modality", BadQuestion, "expected LABEL=VALUE"),
        (path("service_depth"), "", BadQuestion, "expected process=NAME for service_depth; name a process"),
        (path("service_depth"), "modality=image", BadQuestion, "expected process=NAME"),
    ],
)
def test_what_is_no_question_is_told_with_what_would_be_one(
    asked: dict[str, str], selector: str, problem: type[ApiProblem], said: str
) -> None:
    with pytest.raises(problem, match=said):
        question(asked, selector)
