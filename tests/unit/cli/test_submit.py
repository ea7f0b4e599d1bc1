"""``mmpipe submit`` against a gateway in memory: what goes in, what is said of it, and what it ends with."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mmpipe.adapters.rpc_faults import fault, status_of
from mmpipe.client.testing import FakeGateway
from mmpipe.v1 import sample_pb2
from mmpipe.v1.error_pb2 import Reason

type Run = Callable[..., Any]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(20):
        (folder / f"n{number:02}.txt").write_text(f"note number {number}")
    return folder


def test_a_folder_goes_in_with_the_ids_that_a_run_would_give(mmpipe: Run, gateway: FakeGateway, notes: Path) -> None:
    done = mmpipe("submit", notes)
    assert done.code == 0
    assert "20 samples accepted, 0 refused" in done.out
    assert sorted(gateway.queued) == [f"notes/n{number:02}" for number in range(20)]


def test_the_summary_for_programs_counts_everything(mmpipe: Run, notes: Path) -> None:
    mmpipe("submit", notes)
    summary = json.loads(mmpipe("submit", notes, "--json").out)
    assert (summary["accepted"], summary["duplicates"], summary["refused"]) == (20, 20, 0)
    assert summary["samples_per_second"] > 0
    assert not summary["interrupted"]


def test_an_id_prefix_stands_for_the_folder(mmpipe: Run, gateway: FakeGateway, notes: Path) -> None:
    mmpipe("submit", notes, "--id-prefix", "summer", "--quiet")
    assert all(sample_id.startswith("summer/n") for sample_id in gateway.queued)


def test_a_sample_that_the_gateway_refuses_is_named_and_ends_with_1(
    mmpipe: Run, gateway: FakeGateway, notes: Path
) -> None:
    reason = Reason.REASON_REFERENCE_REFUSED
    gateway.fault("sample", fault(status_of(reason), reason, "no such scheme"))
    done = mmpipe("submit", notes, "--json")
    assert done.code == 1
    assert "not in: notes/n00: no such scheme" in done.err
    summary = json.loads(done.out)
    assert (summary["accepted"], summary["refused"]) == (19, 1)
    assert summary["refusals"] == [
        {"sample_id": "notes/n00", "reason": "REFERENCE_REFUSED", "message": "no such scheme"}
    ]


def test_a_file_that_is_nothing_is_named_and_stops_nothing(mmpipe: Run, gateway: FakeGateway, notes: Path) -> None:
    (notes / "n03.png").write_bytes(bytes(range(256)))
    done = mmpipe("submit", notes)
    assert done.code == 1
    assert "n03.png" in done.err
    assert "20 samples accepted, 0 refused, 1 parts left out" in done.out
    assert len(gateway.queued) == 20


def test_waiting_ends_when_every_sample_is_settled(mmpipe: Run, gateway: FakeGateway, notes: Path) -> None:
    def settle_all() -> None:
        with gateway.shelf.changed:
            gateway.shelf.changed.wait_for(lambda: len(gateway.queued) == 20)
        for number, sample_id in enumerate(gateway.queued):
            dead = number == 0
            gateway.settle(sample_id, sample_pb2.SAMPLE_STATE_DEAD if dead else sample_pb2.SAMPLE_STATE_STORED)

    worker = Thread(target=settle_all)
    worker.start()
    done = mmpipe("submit", notes, "--wait")
    worker.join()
    assert "settled: 1 dead, 19 stored" in done.out
    assert done.code == 1


def test_without_a_gateway_the_command_says_how_to_name_one(
    mmpipe: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MMPIPE_GATEWAY")
    done = mmpipe("submit", notes)
    assert done.code == 2
    assert "MMPIPE_GATEWAY" in done.err


def test_an_input_that_is_not_there_ends_with_2(mmpipe: Run, tmp_path: Path) -> None:
    done = mmpipe("submit", tmp_path / "nothing")
    assert (done.code, "does not exist" in done.err) == (2, True)


def test_the_token_comes_from_the_environment(
    mmpipe: Run, gateway: FakeGateway, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.shelf.token = "of-the-door"  # noqa: S105  # of no door but this one
    refused = mmpipe("submit", notes)
    assert (refused.code, "authorization" in refused.err) == (2, True)
    monkeypatch.setenv("MMPIPE_TOKEN", "of-the-door")
    assert mmpipe("submit", notes).code == 0
    monkeypatch.setenv("DOOR", "of-the-door")
    assert mmpipe("submit", notes, "--token-env", "DOOR").code == 0
    assert "NO_SUCH" in mmpipe("submit", notes, "--token-env", "NO_SUCH").err


def test_without_the_extra_the_command_says_what_to_install(notes: Path) -> None:
    program = (
        "import sys; sys.modules['grpc'] = None\n"
        "from mmpipe.cli.main import main\n"
        f"sys.argv = ['mmpipe', 'submit', {str(notes)!r}, '--gateway', '127.0.0.1:1']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'mmpipe[serve]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_neither_grpc_nor_numpy() -> None:
    program = (
        "import sys, mmpipe.cli.main\n"
        "print([name for name in ('grpc', 'google.protobuf', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
