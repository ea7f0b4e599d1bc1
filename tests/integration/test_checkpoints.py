"""A long recording whose worker is killed in the middle goes on where it was: at most one segment is done twice."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.integration.stack import rows, stack_running, wait_for

from mmpipe.client import Client

pytestmark = pytest.mark.server

SEGMENTS = 400
RATE_HZ = 8_000
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: default}
spec:
  modalities: [{name: audio, decode: {segmentSeconds: 1}}]
"""


def test_a_kill_in_the_middle_redoes_at_most_one_segment(tmp_path: Path) -> None:
    spec, recording = tmp_path / "spec.yaml", tmp_path / "long.flac"
    spec.write_text(SPEC)
    noise = np.random.default_rng(7).normal(0, 0.1, SEGMENTS * RATE_HZ)
    soundfile.write(recording, noise.astype(np.float32), RATE_HZ)

    with stack_running(tmp_path / "data", spec) as stack, Client(stack.gateway) as client:
        client.submit({"id": "long", "audio": recording})
        wait_for(lambda: _kept(stack.data) >= SEGMENTS // 4, "a quarter of the segments", 60)
        stack.signal("worker", signal.SIGKILL)
        at_the_kill = _kept(stack.data)
        status = client.wait("long", timeout_s=180)
        embedded = stack.total("audio", "mmpipe_stage_items_total", stage="audio.embed")
        used = stack.total("worker", "mmpipe_checkpoints_total", action="used")

    assert status.state == "stored"
    assert at_the_kill < SEGMENTS
    assert embedded in {SEGMENTS, SEGMENTS + 1}
    assert used >= SEGMENTS // 4
    assert len(rows(stack.data, "SELECT row_id FROM segments WHERE modality = 'audio'")) == SEGMENTS
    assert _kept(stack.data) == 0


def _kept(data: Path) -> int:
    ((count,),) = rows(data, "SELECT count(*) FROM checkpoints")
    return int(count)
