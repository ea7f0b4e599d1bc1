from __future__ import annotations

import pytest
from tests.unit.operator.plan.scenes import CONTEXT, pipeline

from mmpipe_operator.plan import plan


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("labels: {app.kubernetes.io/component: mine}", "labels"),
        ("labels: {mmpipe.dev/pipeline: other}", "labels"),
        ("volumes: [{name: config, emptyDir: {}}]", "volumes"),
        ("volumeMounts: [{name: tmp, mountPath: /etc/mmpipe/}]", "volumeMounts"),
    ],
)
@pytest.mark.parametrize(
    ("place", "spec"),
    [
        ("spec.modalities[1]", "modalities: [{{name: text}}, {{name: image, template: {{{0}}}}}]"),
        ("spec.gateway", "gateway: {{template: {{{0}}}}}"),
        ("spec.worker", "worker: {{template: {{{0}}}}}"),
    ],
)
def test_what_a_template_must_not_override_is_said_with_its_place(
    template: str, path: str, place: str, spec: str
) -> None:
    found = plan(pipeline(f"\n  {spec.format(template)}\n"), CONTEXT)

    assert [problem.path for problem in found.problems] == [f"{place}.template.{path}"]
    assert found.manifests == ()
    assert found.processes, "the status tells of them"


def test_one_problem_of_three_processes_is_said_once() -> None:
    spec = (
        "\n  topology: PerStage\n  modalities: [{name: image, template: {volumes: [{name: config, emptyDir: {}}]}}]\n"
    )

    assert len(plan(pipeline(spec), CONTEXT).problems) == 1


def test_two_secrets_that_would_share_a_variable_are_refused() -> None:
    stores = """
  source: {queue: {nats: {url: "nats://nats:4222", credentialsSecretRef: {name: a-b, key: c}}}}
  sink:
    milvus: {uri: "http://milvus:19530", tokenSecretRef: {name: a, key: b-c}}
    objects: {uri: "s3://media"}
    metadata: {uri: "postgresql://db/media"}
"""
    (problem,) = plan(pipeline(stores=stores), CONTEXT).problems

    assert "MMPIPE_SECRET_A_B_C" in problem.found
