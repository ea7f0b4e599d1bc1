"""What a real run says about itself is what the catalogue publishes: every metric, every span, one trace per sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.integration.stack import mmpipe, stack_running, wait_for
from tests.integration.test_dead_letters import serving
from tests.servers.process import free_port

from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.cli.waterfall.recorded import Recorded, read
from mmpipe.client import Client
from mmpipe.records import Media, Modality, Part, Reference, Sample
from mmpipe.telemetry.catalogue.metrics import METRICS
from mmpipe.telemetry.catalogue.spans import SPANS

pytestmark = pytest.mark.server

MEDIA = Path(__file__).parents[2] / "examples" / "media"
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: default}
spec:
  modalities:
  - {name: text}
  - {name: image}
  - {name: audio, decode: {segmentSeconds: 1}}
  - {name: video}
  - {name: depth}
  source: {references: {schemes: [http], privateNetworks: Allow}}
  reliability: {maxDeliveries: 1}
"""
ABSENT = {"mmpipe.retries", "mmpipe.queue.age"}
"""A run without trouble tries nothing again, and an empty queue has no oldest sample: unit tests see these."""
SECRET = "s3cr3t"  # noqa: S105  # of this test


@dataclass(frozen=True, slots=True)
class Said:
    """What all processes of a run have said."""

    metrics: frozenset[str]
    spans: Sequence[Recorded]
    logs: str
    picture: str


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    folder = tmp_path_factory.mktemp("telemetry")
    spec, recording = folder / "spec.yaml", folder / "long.wav"
    spec.write_text(SPEC)
    noise = np.random.default_rng(3).normal(0, 0.1, 4 * 16_000)
    soundfile.write(recording, noise.astype(np.float32), 16_000)
    with stack_running(folder / "data", spec) as stack, Client(stack.gateway) as client:
        receipts = list(client.ingest(open_input(str(MEDIA), InputLimits())))
        client.submit({"id": "a-bell", "text": "a red bell", "image": MEDIA / "bells" / "blue-plain-bell.jpg"})
        client.submit({"id": "long", "audio": recording})
        client.submit(_far_away("lost", free_port()))
        with serving(MEDIA / "bells", port := free_port()):
            client.submit(_far_away("fetched", port))
            for sample_id in ("a-bell", "long", "lost", "fetched", *(receipt.sample_id for receipt in receipts)):
                client.wait(sample_id, timeout_s=90)
        client.search("a red bell")
        pages = {name: stack.metrics(name) for name, one in stack.state().items() if one["metrics_port"]}
        svg = folder / "trace.svg"
        wait_for(lambda: _ends_in_milvus(stack.folder), "the spans to be written", 30)
        mmpipe("trace", "a-bell", "--data", str(stack.data), "--svg", str(svg))
        traces, logs = sorted((stack.folder / "traces").iterdir()), sorted((stack.folder / "logs").iterdir())
    names = {line.split()[2] for page in pages.values() for line in page.splitlines() if line.startswith("# TYPE")}
    text = "".join(log.read_text() for log in logs)
    return Said(frozenset(names), list(read(traces)), text, svg.read_text())


def test_every_metric_of_the_catalogue_is_emitted_and_no_other(said: Said) -> None:
    elsewhere = ("mmpipe.operator.", "mmpipe.adapter.")
    published = {metric.prometheus: name for name, metric in METRICS.items() if not name.startswith(elsewhere)}
    emitted = {name for name in said.metrics if not name.startswith(("python_", "process_", "target_"))}

    assert emitted <= published.keys()
    assert {published[name] for name in published.keys() - emitted} == ABSENT


def test_every_span_of_the_catalogue_is_recorded_and_no_other(said: Said) -> None:
    titled = {span.name for span in said.spans if not span.name.startswith("mmpipe.v1.")}  # calls have their method's

    assert titled | {"rpc.client", "rpc.server"} == SPANS.keys()


def test_one_trace_leads_from_submit_to_the_upsert(said: Said) -> None:
    trace = _trace_of(said, "a-bell")
    by_id = {span.span_id: span for span in trace}
    (upsert,) = [span for span in trace if span.name == "mmpipe.sink.vectors"]

    way = [span.name for span in _up(upsert, by_id)]

    assert way == [
        "mmpipe.sink.vectors",
        "mmpipe.sink.write",
        "mmpipe.worker.sample",
        "mmpipe.gateway.accept",
        "mmpipe.v1.GatewayService/Submit",
    ]
    assert {"mmpipe-stages-image", "mmpipe-stages-text"} <= {span.service for span in trace}


def test_every_part_goes_through_its_stages_in_that_trace(said: Said) -> None:
    ran = {span.attributes["mmpipe.stage"] for span in _trace_of(said, "a-bell") if span.name == "mmpipe.stage.run"}

    stages = {f"{modality}.{verb}" for modality in ("text", "image") for verb in ("decode", "clean", "embed")}
    assert ran == {*stages, "fuse"}


def test_log_lines_are_json_and_name_the_sample(said: Said) -> None:
    lines = [json.loads(line) for line in said.logs.splitlines() if line.startswith("{")]

    given_up = [line for line in lines if line.get("sample_id") == "lost"]
    assert given_up
    assert all(re.fullmatch(r"[0-9a-f]{32}", line["trace_id"]) for line in given_up)


def test_no_secret_of_a_reference_is_said_anywhere(said: Said) -> None:
    assert SECRET not in said.logs
    assert not [span for span in said.spans if SECRET in repr(span)]


def test_the_picture_of_a_trace_names_its_services(said: Said) -> None:
    assert said.picture.startswith("<svg")
    assert all(name in said.picture for name in ("mmpipe-gateway", "mmpipe-worker", "mmpipe-stages-image"))


def _far_away(sample_id: str, port: int) -> Sample:
    reference = Reference(f"http://127.0.0.1:{port}/blue-plain-bell.jpg?token={SECRET}")
    return Sample(sample_id, (Part(Modality.IMAGE, Media(b"", "jpeg", reference=reference), "file:///far"),))


def _ends_in_milvus(folder: Path) -> bool:
    spans = list(read((folder / "traces").iterdir()))
    traces = {span.trace_id for span in spans if span.attributes.get("mmpipe.sample_id") == "a-bell"}
    return any(span.name == "mmpipe.worker.sample" and span.trace_id in traces for span in spans)


def _trace_of(said: Said, sample_id: str) -> list[Recorded]:
    (trace_id,) = {span.trace_id for span in said.spans if span.attributes.get("mmpipe.sample_id") == sample_id}
    return [span for span in said.spans if span.trace_id == trace_id]


def _up(span: Recorded, by_id: dict[str, Recorded]) -> Iterator[Recorded]:
    yield span
    if parent := by_id.get(span.parent_id):
        yield from _up(parent, by_id)
