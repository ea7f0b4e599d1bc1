"""Which processes a pipeline is on one machine, and what each of them is told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from mmpipe.runtimes.local_stack.plan import Ground, Plan, plan
from mmpipe.spec import MultimodalPipeline, default_pipeline, parse

GROUND = Ground(Path("/data"), Path("/data/media/up"), Path("/run/milvus.sock"))
HEAD = "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: media}\n"


def test_what_the_spec_leaves_out_is_started_here_and_filled_in() -> None:
    planned = _plan(default_pipeline("media"))

    assert [program.name for program in planned.programs] == [
        *("queue", "vectors"),
        *("text", "image", "audio", "video", "depth", "fuse"),
        *("gateway", "worker"),
    ]
    queue = planned.pipeline.spec.source.queue
    assert queue is not None
    assert queue.nats is not None
    assert queue.nats.url == f"nats://{planned.program('queue').address}"
    assert planned.pipeline.spec.sink.milvus.uri == "unix:/run/milvus.sock"


def test_servers_that_the_spec_names_are_not_started() -> None:
    queue, milvus = "{queue: {nats: {url: 'nats://n:4222'}}}", "{milvus: {uri: 'http://m:19530'}}"
    pipeline = parse(f"{HEAD}spec: {{modalities: [{{name: text}}], source: {queue}, sink: {milvus}}}")

    planned = _plan(pipeline)

    assert [program.name for program in planned.programs] == ["text", "fuse", "gateway", "worker"]
    assert planned.pipeline == pipeline


def test_each_stage_is_a_process_where_the_topology_says_so() -> None:
    planned = _plan(parse(f"{HEAD}spec: {{modalities: [{{name: image}}], topology: PerStage}}"))

    stages = [program for program in planned.programs if program.name.startswith("image")]
    assert [program.name for program in stages] == ["image.decode", "image.clean", "image.embed"]
    assert [program.command[-4:] for program in stages] == [
        ("--modality", "image", "--stage", stage) for stage in ("decode", "clean", "embed")
    ]


@pytest.mark.parametrize("name", ["gateway", "worker"])
def test_who_calls_the_stages_is_told_where_they_are(name: str) -> None:
    planned = _plan(default_pipeline("media"))

    told = [option for option in planned.program(name).command if option.startswith("--endpoint=")]

    served = ("text", "image", "audio", "video", "depth", "fuse")
    assert told == [f"--endpoint={stage}={planned.program(stage).address}" for stage in served]


def test_no_two_processes_share_a_port() -> None:
    planned = _plan(default_pipeline("media"))

    ports = [program.address for program in planned.programs] + [p.metrics_port for p in planned.programs]
    told = [port for port in ports if port is not None]
    assert len(set(told)) == len(told)


def test_the_gateway_listens_where_it_was_asked_to() -> None:
    assert _plan(default_pipeline("media")).program("gateway").address == "127.0.0.1:50050"


def test_the_queue_is_durable() -> None:
    assert "sync_interval: always" in _plan(default_pipeline("media")).nats_configuration


def _plan(pipeline: MultimodalPipeline) -> Plan:
    return plan(pipeline, GROUND, _ports(), "nats-server", 50050)


def _ports() -> Callable[[], int]:
    numbers = count(40_000)
    return lambda: next(numbers)
