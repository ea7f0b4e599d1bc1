"""A scripted kubectl on PATH, and the plugin run against it as a person would, in this process."""

import os
from pathlib import Path

import pytest
from tests.unit.kubectl_mmpipe.objects import HPAS, PIPELINES
from tests.unit.kubectl_mmpipe.scripted import Cluster, Ran, Run
from typer.testing import CliRunner

from kubectl_mmpipe.main import app
from mmpipe.errors import MmpipeError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MMPIPE_", "KUBE"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    found = Cluster(programs)
    for kind in (PIPELINES, "deployments.apps", HPAS, "pods"):
        found.has(kind)
    return found


@pytest.fixture
def mmpipe(cluster: Cluster) -> Run:
    """Run a command of the plugin."""
    assert cluster.answers

    def run(*arguments: object) -> Ran:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="kubectl mmpipe")
        if isinstance(done.exception, MmpipeError):
            return Ran(done.exception.exit_code, done.stdout, f"kubectl mmpipe: {done.exception}")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run
