"""The pipelines of ``examples/pipelines`` are what a cluster takes: valid, acting, and with all that it needs."""

from pathlib import Path

import pytest

from mmpipe.spec import in_cluster, load, refused

ROOT = Path(__file__).parents[2]
PIPELINES = sorted((ROOT / "examples" / "pipelines").glob("*.yaml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_an_example_is_taken_by_a_cluster(path: Path) -> None:
    pipeline = load(path)

    assert refused(pipeline) == ()
    assert in_cluster(pipeline) == ()


def test_every_example_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")

    assert PIPELINES
    assert [path.name for path in PIPELINES if f"examples/pipelines/{path.name}" not in guide] == []


def test_examples_make_pipelines_of_different_names() -> None:
    names = [load(path).metadata.name for path in PIPELINES]

    assert len(set(names)) == len(names)
