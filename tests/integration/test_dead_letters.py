"""A dead letter is made, listed, shown and redriven by the command line; after that the sample is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.integration.stack import mmpipe, stack_running, wait_for
from tests.servers.process import free_port

from mmpipe.client import Client
from mmpipe.records import Media, Modality, Part, Reference, Sample

pytestmark = pytest.mark.server

MEDIA = Path(__file__).parents[2] / "examples" / "media" / "bells"
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: default}
spec:
  modalities: [{name: text}, {name: image}]
  source: {references: {schemes: [http], privateNetworks: Allow}}
  reliability: {maxDeliveries: 2}
"""


def test_a_sample_that_could_not_be_fetched_is_redriven_once_its_server_is_back(tmp_path: Path) -> None:
    spec, port = tmp_path / "spec.yaml", free_port()
    spec.write_text(SPEC)
    reference = Reference(f"http://127.0.0.1:{port}/blue-plain-bell.jpg")
    picture = Part(Modality.IMAGE, Media(b"", "jpeg", reference=reference), reference.uri)

    with stack_running(tmp_path / "data", spec) as stack, Client(stack.gateway) as client:
        client.submit(Sample("far-away", (picture,)))
        wait_for(lambda: bool(list(client.dead_letters())), "the dead letter", 60)
        (listed,) = json.loads(mmpipe("deadletter", "list", "--gateway", stack.gateway, "--json"))
        shown = mmpipe("deadletter", "show", "far-away", "--gateway", stack.gateway)
        redrive = ("deadletter", "redrive", "--gateway", stack.gateway, "--where", "stage=worker", "--rate", "5")
        mmpipe(*redrive, "--dry-run")
        still_there = len(list(client.dead_letters()))
        with serving(MEDIA, port):
            mmpipe(*redrive)
            status = client.wait("far-away", timeout_s=60)
        left = list(client.dead_letters())

    assert (listed["sample_id"], listed["attempts"], listed["stage"]) == ("far-away", 2, "worker")
    assert "far-away" in shown
    assert still_there == 1
    assert status.state == "stored"
    assert left == []


def test_what_a_gate_rejected_is_released_by_a_person(tmp_path: Path) -> None:
    blank = MEDIA.parent / "odd" / "blank.png"

    with stack_running(tmp_path / "data") as stack, Client(stack.gateway) as client:
        client.submit({"id": "blank", "image": blank})
        before = client.wait("blank", timeout_s=60)
        (held,) = json.loads(mmpipe("quarantine", "--gateway", stack.gateway, "--json"))
        mmpipe("quarantine", "--gateway", stack.gateway, "--release", "blank")
        wait_for(lambda: client.sample("blank").state == "stored", "the released sample", 60)

    assert before.state == "quarantined"
    assert held["gate"].startswith("image.clean")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Not among the output of the tests."""


@contextmanager
def serving(folder: Path, port: int) -> Iterator[None]:
    """The files of a folder over HTTP."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
