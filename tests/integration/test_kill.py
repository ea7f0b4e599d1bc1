"""Accepted means durable: every process is killed with -9 once while 500 samples flow, and nothing is lost or doubled.

accepted = stored + dead letters + quarantined, each once, and Milvus counts the rows that the metadata know.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.stack import Stack, rows, stack_running, vectors, wait_for

from mmpipe.runtimes.pipeline import Pipeline

MEDIA = Path(__file__).parents[2] / "examples" / "media"
COPIES = 18
VICTIMS = ("gateway", "worker", "text", "image", "audio", "video", "depth", "fuse", "queue", "vectors")


@pytest.mark.server
def test_nothing_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    with stack_running(tmp_path / "data") as stack:
        submitting = [_submit(stack, f"copy-{copy}") for copy in range(COPIES)]
        for victim in VICTIMS:
            stack.signal(victim, signal.SIGKILL)
        accepted = [receipt for process in submitting for receipt in _receipts(process)]
        wait_for(lambda: _settled(stack) == len(accepted), f"all samples to settle, {_settled(stack)} did", 120)

    assert len(accepted) == len(set(accepted)) == 28 * COPIES
    settled = rows(stack.data, "SELECT id, state FROM samples WHERE state IN ('stored', 'quarantined')")
    dead = rows(stack.data, "SELECT sample_id, 'dead' FROM dead_letters")
    assert sorted(sample_id for sample_id, _ in settled + dead) == sorted(accepted)
    assert not dead
    assert set(vectors(stack.data)) == {row_id for (row_id,) in rows(stack.data, "SELECT row_id FROM segments")}


@pytest.mark.server
def test_a_rolling_restart_of_every_service_fails_no_call_of_a_retrying_client(tmp_path: Path) -> None:
    with stack_running(tmp_path / "data") as stack:
        submitting = [_submit(stack, f"copy-{copy}") for copy in range(COPIES)]
        for service in VICTIMS:
            stack.signal(service, signal.SIGTERM)
        accepted = [receipt for process in submitting for receipt in _receipts(process)]

    assert len(accepted) == 28 * COPIES
    assert not rows(stack.data, "SELECT sample_id FROM dead_letters")


@pytest.mark.server
def test_the_rows_after_the_kills_are_those_of_an_undisturbed_run(tmp_path: Path) -> None:
    Pipeline(data=tmp_path / "local").run(MEDIA, id_prefix="copy-0")

    with stack_running(tmp_path / "data") as stack:
        submitting = _submit(stack, "copy-0")
        stack.signal("worker", signal.SIGKILL)
        assert len(_receipts(submitting)) == 28
        wait_for(lambda: _settled(stack) == 28, "all samples to settle", 60)

    query = "SELECT row_id, modality, uri, start_s, end_s FROM segments ORDER BY row_id"
    assert rows(stack.data, query) == rows(tmp_path / "local", query)


def _submit(stack: Stack, prefix: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mmpipe", "submit", str(MEDIA), "--gateway", stack.gateway]
    return subprocess.Popen([*command, "--id-prefix", prefix, "--json"], stdout=subprocess.PIPE, text=True)


def _receipts(process: subprocess.Popen[str]) -> list[str]:
    """The ids that the gateway accepted; the client retried what it had to."""
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    return list(json.loads(said)["accepted_ids"])


def _settled(stack: Stack) -> int:
    ended = "SELECT count(*) FROM samples WHERE state IN ('stored', 'quarantined', 'failed')"
    ((samples,),) = rows(stack.data, ended)
    ((letters,),) = rows(stack.data, "SELECT count(*) FROM dead_letters")
    return int(samples) + int(letters)
