"""The ways in which a held pipeline may end: each of them ends, and the user is told what it waits for.

Neighbours: ``test_deletion`` has namespaces and bounds, ``test_vectors_end`` what becomes of a real collection.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.cluster.operators import OperatorProcess, Operators
from e2e.cluster.session import Cluster
from e2e.cluster.tools import Tool
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE, Manifest

DROP_TIMEOUT_S = 3
PATIENT_S = 3600
"""A bound that no test here comes to: what ends before it was ended by something else."""
GONE_S = 45
POLICIES = pytest.mark.parametrize("policy", ["Retain", "Delete"])


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    return Pipeline(cluster, namespace, "media")


@POLICIES
def test_a_deletion_in_the_foreground_ends_after_the_children(
    pipeline: Pipeline, operator: Operators, kubectl: Tool, policy: str
) -> None:
    operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    _settled(pipeline, policy)
    kubectl("-n", pipeline.namespace, "delete", "mmp", "media", "--cascade=foreground", f"--timeout={GONE_S}s")
    assert not pipeline.exists
    assert pipeline.children() == {}


def test_a_pipeline_deleted_while_the_operator_was_away_ends_when_it_is_back(
    pipeline: Pipeline, operator: Operators
) -> None:
    first = operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    _settled(pipeline, "Delete")
    first.kill()
    pipeline.delete()
    assert pipeline.exists

    operator(drop_timeout_seconds=DROP_TIMEOUT_S)
    wait_for(lambda: not pipeline.exists, GONE_S)
    wait_for(lambda: not pipeline.children(), GONE_S)


def test_a_held_pipeline_says_once_what_it_waits_for_and_how_to_let_it_go(
    pipeline: Pipeline, operator: Operators, kubectl: Tool
) -> None:
    replica = operator(drop_timeout_seconds=PATIENT_S)
    _settled(pipeline, "Delete")
    pipeline.delete()
    held = wait_for(lambda: _said(pipeline, "VectorsNotDropped"))
    assert held[0]["type"] == "Warning"
    assert "127.0.0.1:1" in held[0]["note"]
    assert names.ABANDON in held[0]["note"]
    assert "VectorsNotDropped" in kubectl("-n", pipeline.namespace, "describe", "mmp", "media")

    tried = replica.metric("mmpipe_operator_reconciles_total")
    wait_for(lambda: replica.metric("mmpipe_operator_reconciles_total") > tried, 60)
    assert len(_said(pipeline, "VectorsNotDropped")) == 1
    assert pipeline.exists


def test_one_command_lets_every_pipeline_go_once_the_operator_is_gone(pipeline: Pipeline, operator: Operators) -> None:
    replica = operator(drop_timeout_seconds=PATIENT_S)
    _settled(pipeline, "Delete")
    living = Pipeline(pipeline.cluster, pipeline.namespace, "other")
    _settled(living, "Delete")
    foreign = f"{names.FINALIZER}-of-somebody-else"
    _add_finalizer(living, foreign)
    replica.kill()
    pipeline.delete()
    assert pipeline.exists

    assert "released 2 pipelines" in _release(operator, replica)
    wait_for(lambda: not pipeline.exists)
    wait_for(lambda: not pipeline.children(), GONE_S)
    assert living.get()["metadata"]["finalizers"] == [foreign]
    assert "released 0 pipelines" in _release(operator, replica)
    living.cluster.client.patch(*living.ref, {"metadata": {"finalizers": None}})


def _settled(pipeline: Pipeline, policy: str) -> None:
    pipeline.apply(lifecycle={"state": "Running", "deletionPolicy": policy}).settle()


def _said(pipeline: Pipeline, reason: str) -> list[Manifest]:
    return [each for each in pipeline.events() if each["reason"] == reason]


def _add_finalizer(pipeline: Pipeline, name: str) -> None:
    held = [*pipeline.get()["metadata"]["finalizers"], name]
    pipeline.cluster.client.patch(PIPELINE, pipeline.namespace, pipeline.name, {"metadata": {"finalizers": held}})


def _release(operator: Operators, replica: OperatorProcess) -> str:
    """Run ``mmpipe-operator release`` with the rights of the installation; what it printed."""
    variables = {
        "KUBECONFIG": str(operator.cluster.folder / operator.namespace / f"{replica.identity}.kubeconfig"),
        "MMPIPE_OPERATOR_NAMESPACES": ",".join(operator.served),
    }
    command = [str(Path(sys.executable).parent / "mmpipe-operator"), "release"]
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
