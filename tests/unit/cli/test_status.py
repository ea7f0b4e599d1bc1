"""``mmpipe status``, and the other questions that go to a gateway: search and quarantine."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmpipe.cli.status import lines
from mmpipe.client import Client, PartStatus, SampleState, SampleStatus, Stored
from mmpipe.client.testing import FakeGateway
from mmpipe.records import Failed, Modality, Rejected, Segment

type Run = Callable[..., Any]

BELL = {"id": "bell", "text": "a red bell", "attributes": {"year": 2024}}


def test_the_state_of_a_sample_is_shown(mmpipe: Run, client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    gateway.give_up("bell", "sink", "Milvus refuses")
    done = mmpipe("status", "bell")
    assert done.code == 0
    assert done.out.startswith("bell: dead, Milvus refuses\n  accepted ")
    assert json.loads(mmpipe("status", "bell", "--json").out)["state"] == "dead"


def test_a_sample_that_nobody_knows_ends_with_2(mmpipe: Run) -> None:
    done = mmpipe("status", "nobody")
    assert (done.code, "nobody" in done.err) == (2, True)


def test_each_part_says_what_became_of_it() -> None:
    rejected = Rejected("image.clean.gates.minSharpness", "Too soft.")
    parts = (
        PartStatus(Modality.TEXT, "file:///a.txt", None, Stored("r1")),
        PartStatus(Modality.IMAGE, "file:///a.png", None, rejected),
        PartStatus(Modality.VIDEO, "file:///a.mp4", Segment(0, 30), Failed("video.decode", "it crashed")),
        PartStatus(None, "file:///a.bin", None, None),
    )
    known = SampleStatus(
        sample_id="a",
        state=SampleState.STORED,
        accepted_at=datetime(2026, 7, 1, tzinfo=UTC),
        written_at=None,
        parts=parts,
        weights={"text": 1.0},
        missing=(Modality.DEPTH,),
        degraded=(Modality.AUDIO,),
        alignment_confidence=0.5,
        reason="",
    )
    shown = list(lines(known))
    assert shown[0] == "a: stored"
    assert shown[2:6] == [
        "  text: stored  file:///a.txt",
        "  image: rejected by image.clean.gates.minSharpness: Too soft.  file:///a.png",
        "  video 0:00\N{EN DASH}0:30: failed in video.decode: it crashed  file:///a.mp4",
        "  unknown: not known yet  file:///a.bin",
    ]
    assert shown[6:8] == ["  fused: text 1.00; agreement 0.50", "  missing: depth"]
    assert "audio" in shown[8]


def test_an_id_cannot_drive_the_terminal(mmpipe: Run, client: Client) -> None:
    client.submit({"id": "a\x1b[2Jb", "text": "words"})
    assert r"a\x1b[2Jb: queued" in mmpipe("status", "a\x1b[2Jb").out


def test_a_search_through_the_gateway_prints_the_same_table(mmpipe: Run, client: Client) -> None:
    client.submit(BELL)
    done = mmpipe("search", "red bell", "--top", 3)
    assert done.code == 0
    assert "1.000" in done.out
    assert "bell" in done.out
    assert "year=2024" in done.out
    (hit,) = json.loads(mmpipe("search", "red bell", "--json").out)
    assert (hit["sample_id"], hit["modality"], hit["segment"]) == ("bell", "text", None)


def test_a_page_needs_the_stores(mmpipe: Run, tmp_path: Path) -> None:
    done = mmpipe("search", "bell", "--html", tmp_path / "page.html")
    assert (done.code, "--html with --gateway" in done.err) == (2, True)


def test_quarantine_is_listed_and_released(mmpipe: Run, client: Client, gateway: FakeGateway) -> None:
    client.submit(BELL)
    gateway.reject("bell", "text.clean.gates.minCharacters", "Too short.")
    listed = mmpipe("quarantine", "--gate", "text")
    assert "bell: text 0-1 s: text.clean.gates.minCharacters: Too short." in listed.out
    (row,) = json.loads(mmpipe("quarantine", "--json").out)
    assert (row["gate"], row["score"], row["threshold"]) == ("text.clean.gates.minCharacters", 0.5, 1.5)
    assert mmpipe("quarantine", "--release", "bell").code == 0
    assert mmpipe("quarantine").out == "nothing in quarantine\n"
    assert mmpipe("quarantine", "--release", "bell").code == 2
