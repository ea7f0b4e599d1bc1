"""``kubectl mmpipe pause`` and ``resume``: what is patched, and what is said of it."""

import json
from typing import Any

from tests.unit.kubectl_mmpipe.objects import PIPELINES, pipeline
from tests.unit.kubectl_mmpipe.scripted import Cluster, Run

STOPPED = {"lifecycle": {"state": "Paused"}}
LEFT_ALONE = {"mmpipe.dev/reconcile": "Paused"}


def _patches(cluster: Cluster) -> list[Any]:
    patches = [call for call in cluster.calls if call[0] == "patch"]
    assert all(call[1:3] == [PIPELINES, "media"] and "--type=merge" in call for call in patches)
    return [json.loads(word.removeprefix("--patch=")) for call in patches for word in call if "--patch" in word]


def _has(cluster: Cluster, *, stopped: bool = False, left_alone: bool = False) -> None:
    found = pipeline()
    found["spec"] = STOPPED if stopped else {}
    found["metadata"]["annotations"] = LEFT_ALONE if left_alone else {}
    cluster.has(PIPELINES, found)
    cluster.answer("patch", PIPELINES)


def test_pause_scales_to_zero_by_the_spec(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster)

    done = mmpipe("pause", "media", "-n", "prod")

    assert done.code == 0
    assert done.out.startswith("media: paused; the operator scales its processes to zero")
    assert _patches(cluster) == [{"spec": {"lifecycle": {"state": "Paused"}}}]
    assert "--namespace=prod" in cluster.calls[-1]


def test_pause_reconciling_only_keeps_the_operators_hands_off(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster)

    assert "its processes go on" in mmpipe("pause", "media", "--reconciling").out
    assert _patches(cluster) == [{"metadata": {"annotations": LEFT_ALONE}}]


def test_what_is_paused_already_is_not_patched_again(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster, stopped=True, left_alone=True)

    assert mmpipe("pause", "media").code == 0
    assert mmpipe("pause", "media", "--reconciling").code == 0
    assert _patches(cluster) == []


def test_a_pause_that_nobody_will_carry_out_says_so(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster, left_alone=True)

    assert "nothing happens until kubectl mmpipe resume media" in mmpipe("pause", "media").err


def test_resume_undoes_both(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster, stopped=True, left_alone=True)

    out = mmpipe("resume", "media").out

    assert "media: runs again" in out
    assert "media: reconciling goes on" in out
    assert _patches(cluster) == [
        {"spec": {"lifecycle": {"state": "Running"}}},
        {"metadata": {"annotations": {"mmpipe.dev/reconcile": None}}},
    ]


def test_resume_of_what_runs_changes_nothing(mmpipe: Run, cluster: Cluster) -> None:
    _has(cluster)

    assert mmpipe("resume", "media").out == "media: was not paused; nothing is changed\n"
    assert _patches(cluster) == []
