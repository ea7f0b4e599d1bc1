"""The commands of docs/grpc.md as a person pastes them: a real grpcurl at the gateway of a running stack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.integration.stack import stack_running
from tests.servers.process import built

from mmpipe.client import Client

pytestmark = pytest.mark.server

REPOSITORY = Path(__file__).parents[2]
MEDIA = REPOSITORY / "examples" / "media" / "bells"
SPEC = """
apiVersion: mmpipe.dev/v1alpha1
kind: MultimodalPipeline
metadata: {name: default}
spec:
  modalities: [{name: text}, {name: image}]
"""
SETTING_UP = re.compile(r"^(go install|gateway=).*$", re.MULTILINE)
"""Lines of the page that the test does in its own way."""


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    """The shell blocks of the page's part about grpcurl, in order."""
    page = (REPOSITORY / "docs" / "grpc.md").read_text()
    (part,) = re.findall(r"^## grpcurl$(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    return [SETTING_UP.sub("", block) for block in re.findall(r"```sh\n(.*?)```", part, re.DOTALL)]


@pytest.fixture(scope="module")
def said(blocks: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What all of them print, one after the other; samples are settled in between, as they are for a person."""
    folder = tmp_path_factory.mktemp("grpcurl")
    shutil.copy(MEDIA / "blue-plain-bell.jpg", folder / "bell.jpg")
    (folder / "film.mp4").write_bytes(os.urandom(2_500_000))
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    *first, questions = blocks
    with stack_running(folder / "data", spec) as stack, Client(stack.gateway) as client:
        begun = "".join(shell(block, stack.gateway, folder) for block in first)
        for sample_id in ("bell", "photo", "a"):
            client.wait(sample_id, timeout_s=60)
        yield begun + shell(questions, stack.gateway, folder)


def shell(block: str, gateway: str, folder: Path) -> str:
    search = f"{built('bin/grpcurl').parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", block],
        cwd=folder,
        env={"PATH": search, "gateway": gateway},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_shows_a_command_for_every_method_that_a_client_begins_with(blocks: Sequence[str]) -> None:
    shown = set(re.findall(r"GatewayService/(\w+)", "".join(blocks)))
    assert shown >= {"Submit", "Ingest", "Upload", "GetSample", "WatchSample", "Search", "ListDeadLetters"}


def test_services_are_listed_and_described_by_reflection(said: str) -> None:
    assert {"mmpipe.v1.GatewayService", "grpc.health.v1.Health"} <= set(said.splitlines())
    assert "rpc Submit ( .mmpipe.v1.SubmitRequest ) returns ( .mmpipe.v1.SubmitResponse );" in said
    assert "mmpipe.v1.Sample is a message:" in said


def test_samples_get_receipts_and_then_a_state(said: str) -> None:
    for sample_id in ("bell", "photo", "a"):
        assert f'"sample_id": "{sample_id}"' in said
    assert said.count('"state": "SAMPLE_STATE_STORED"') == len(["GetSample", "WatchSample"])


def test_an_upload_of_a_size_and_chunks_answers_a_reference(said: str) -> None:
    assert re.search(r'"uri": "object:([0-9a-f]{64})",\s*"sha256": "\1",\s*"size_bytes": "2500000"', said)


def test_a_search_finds_the_picture_by_words(said: str) -> None:
    found = said.partition('"hits":')[2]
    assert '"sample_id": "photo"' in found
    assert '"modality": "image"' in found
    assert '"generation": "mmpipe_default_g1"' in found
