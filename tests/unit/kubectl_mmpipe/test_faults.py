"""What kubectl complains about, as a person is told it. The complaints are those of kubectl 1.37."""

from pathlib import Path

import pytest
from tests.unit.kubectl_mmpipe.objects import PIPELINES, pipeline
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

FORBIDDEN = (
    'Error from server (Forbidden): multimodalpipelines.mmpipe.dev is forbidden: User "jane" cannot list resource'
    ' "multimodalpipelines" in API group "mmpipe.dev" in the namespace "prod"'
)
NO_CONTEXT = "Error in configuration: context was not found for specified context: blue"
REFUSED = "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?"


def _said(mmpipe: Run, cluster: Cluster, complaint: str) -> tuple[int, str]:
    cluster.answer("get", PIPELINES, err=complaint)
    done = mmpipe("status")
    return done.code, done.err


def test_no_kubectl_names_the_remedy(mmpipe: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))

    done = mmpipe("status")

    assert done.code == 2
    assert done.err.startswith("kubectl mmpipe: kubectl: found none on PATH")


def test_a_cluster_without_the_kind_is_told_from_one_without_pipelines(mmpipe: Run, cluster: Cluster) -> None:
    code, err = _said(mmpipe, cluster, 'error: the server doesn\'t have a resource type "multimodalpipelines"')

    assert code == 2
    assert "expected the CustomResourceDefinition; install the operator (helm install mmpipe charts/mmpipe)" in err


def test_a_missing_right_is_named_with_how_to_look_at_it(mmpipe: Run, cluster: Cluster) -> None:
    code, err = _said(mmpipe, cluster, FORBIDDEN)

    assert code == 3
    assert "found that jane may not list them in namespace prod" in err
    assert "kubectl auth can-i list multimodalpipelines.mmpipe.dev -n prod" in err


@pytest.mark.parametrize(
    ("complaint", "code", "found"),
    [
        (REFUSED, 3, "found no API server (The connection to the server 127.0.0.1:1 was refused"),
        ("E1124 09:00:00 memcache.go:265] \n" + REFUSED, 3, "found no API server (The connection"),
        ("error: You must be logged in to the server (Unauthorized)", 3, "found no valid login"),
        (NO_CONTEXT, 2, "context was not found for specified context: blue; expected a cluster to ask"),
        ("error: stat nowhere: no such file or directory", 2, "found stat nowhere: no such file or directory"),
        ("error: something new", 3, "kubectl said 'something new'"),
    ],
)
def test_other_complaints_have_a_remedy_and_an_exit_code(
    mmpipe: Run, cluster: Cluster, complaint: str, code: int, found: str
) -> None:
    said = _said(mmpipe, cluster, complaint)

    assert said[0] == code
    assert found in said[1]


def test_a_mistyped_name_gets_the_one_that_was_meant(mmpipe: Run, cluster: Cluster) -> None:
    cluster.has(PIPELINES, pipeline("media"), pipeline("archive"))
    cluster.answer(
        "get", PIPELINES, "medai", err='Error from server (NotFound): multimodalpipelines.mmpipe.dev "medai" not found'
    )

    done = mmpipe("pause", "medai")

    assert done.code == 2
    assert done.err == (
        "kubectl mmpipe: pipeline medai: found archive, media; expected one of that name; did you mean media?"
    )


def test_a_password_in_a_complaint_is_starred(mmpipe: Run, cluster: Cluster) -> None:
    _, err = _said(mmpipe, cluster, "error: proxy http://jane:letmein@proxy:3128 said no")

    assert "letmein" not in err
