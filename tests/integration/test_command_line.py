"""The commands as a person types them: what they print, what they leave behind, and their exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MMPIPE = str(Path(sys.executable).with_name("mmpipe"))


def mmpipe(*arguments: object, code: int = 0) -> str:
    done = subprocess.run([MMPIPE, *map(str, arguments)], capture_output=True, text=True, check=False)  # our own
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shots")
    noise = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(noise.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / f"p{number}.png")
        (folder / f"p{number}.txt").write_text(f"picture number {number}")
    (folder / "p3.json").write_text(json.dumps({"year": 2021}))
    Image.new("RGB", (64, 64)).save(folder / "blank.png")
    return folder


@pytest.fixture(scope="module")
def data(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    summary = json.loads(mmpipe("run", media, "--data", folder, "--json"))
    assert summary["samples"] == {"stored": 4, "duplicates": 0, "quarantined": 1, "failed": 0}
    assert summary["verified"]
    return folder


def test_a_second_run_adds_nothing(media: Path, data: Path) -> None:
    summary = json.loads(mmpipe("run", media, "--data", data, "--json"))
    assert summary["vectors"] == 0
    assert summary["samples"]["duplicates"] == 5


def test_a_changed_sample_replaces_its_rows(media: Path, tmp_path: Path) -> None:
    folder = tmp_path / "changing"
    folder.mkdir()
    for name in ("p0.png", "p0.txt"):
        (folder / name).write_bytes((media / name).read_bytes())
    mmpipe("run", folder, "--data", tmp_path, "--quiet")
    (folder / "p0.png").unlink()
    (folder / "p0.txt").write_text("only words are left")
    mmpipe("run", folder, "--data", tmp_path, "--quiet")
    hits = json.loads(mmpipe("search", "words", "--data", tmp_path, "--json"))
    assert [(hit["sample_id"], hit["modality"]) for hit in hits] == [("changing/p0", "text")]
    assert json.loads(mmpipe("search", "words", "--modality", "image", "--data", tmp_path, "--json")) == []


def test_search_filters_by_attributes_and_modality(data: Path) -> None:
    where = 'attributes["year"] > 2020'
    hits = json.loads(mmpipe("search", "a picture", "--where", where, "--modality", "image", "--data", data, "--json"))
    assert [(hit["sample_id"].partition("/")[2], hit["modality"]) for hit in hits] == [("p3", "image")]
    assert hits[0]["attributes"] == {"year": 2021}


def test_search_by_an_image_finds_that_image(media: Path, data: Path) -> None:
    hits = json.loads(mmpipe("search", "--image", media / "p2.png", "--top", 1, "--data", data, "--json"))
    assert hits[0]["sample_id"].endswith("/p2")
    assert hits[0]["score"] == pytest.approx(1, abs=1e-3)


def test_search_prints_a_table_and_writes_a_page(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert "p1" in mmpipe("search", "picture number 1", "--data", data, "--html", page)
    assert "<html" in page.read_text()


def test_quarantine_lists_item_gate_and_reason(data: Path) -> None:
    (row,) = json.loads(mmpipe("quarantine", "--data", data, "--json"))
    assert row["gate"] == "image.clean.minContrast"
    assert row["uri"].endswith("blank.png")
    assert row["score"] == 0
    assert "image.clean.minContrast" in mmpipe("quarantine", "--data", data)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no-such-folder"], "no-such-folder"),
        (["run", "no-such.yaml", "."], "no-such.yaml"),
        (["run", "a", "b", "c"], "expected [SPEC] INPUT"),
        (["search", "x", "--data", "no-such-data"], "run mmpipe run INPUT first"),
        (["spec", "explain", "modalities.img"], "modalities.img"),
    ],
)
def test_what_cannot_be_used_ends_with_two_and_a_sentence(arguments: list[str], said: str) -> None:
    assert said in mmpipe(*arguments, code=2)


def test_a_bad_filter_ends_with_three_and_names_the_filter(data: Path) -> None:
    assert "colour ==" in mmpipe("search", "x", "--where", "colour == ", "--data", data, code=3)


def test_a_store_that_is_not_there_ends_with_three(media: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "apiVersion: mmpipe.dev/v1alpha1\nkind: MultimodalPipeline\nmetadata: {name: away}\n"
        "spec: {sink: {milvus: {uri: 'http://127.0.0.1:9'}}}\n"
    )
    assert "127.0.0.1:9" in mmpipe("run", spec, media, "--data", tmp_path, code=3)


def test_ctrl_c_finishes_what_is_in_flight_and_the_next_run_goes_on(tmp_path: Path) -> None:
    manifest = tmp_path / "texts.jsonl"
    rows = 200_000
    with manifest.open("w") as lines:
        lines.writelines(f'{{"id": "t{number}", "text": "a bell of the number {number}"}}\n' for number in range(rows))
    command = [MMPIPE, "run", str(manifest), "--data", str(tmp_path), "--json"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # our own
    database = tmp_path / "default" / "metadata.db-wal"
    while not (database.exists() and database.stat().st_size > 100_000):  # something is stored
        assert run.poll() is None
        os.sched_yield()
    run.send_signal(signal.SIGINT)
    try:
        out, err = run.communicate(timeout=30)
    finally:
        run.kill()
    assert run.returncode == 130, err
    assert "finishing what is in flight" in err
    summary = json.loads(out)
    assert summary["interrupted"]
    assert summary["verified"]
    stored = summary["samples"]["stored"]
    assert 0 < stored < rows
    manifest.write_text("\n".join(manifest.read_text().splitlines()[: stored + 10]))
    again = json.loads(mmpipe("run", manifest, "--data", tmp_path, "--json"))
    assert again["samples"] == {"stored": 10, "duplicates": stored, "quarantined": 0, "failed": 0}


def test_a_run_and_a_search_need_no_network(media: Path, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare --net is not permitted here, so there is no machine without a network to run on")
    for arguments in (["run", media], ["search", "picture number 1"]):
        command = ["unshare", "--net", MMPIPE, *map(str, arguments), "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
