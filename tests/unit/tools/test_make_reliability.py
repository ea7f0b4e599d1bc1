import json
from pathlib import Path

import pytest

import make_reliability

ROWS = [
    {"table": "faults", "fault": "events lost", "bound_s": 82, "took_s": 20.5},
    {"table": "crash", "act": "create", "calls": 64},
    {"table": "faults", "fault": "events late", "bound_s": 65, "took_s": 7.0},
]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "reliability.md"
    names = ("faults", "crash")
    path.write_text("".join(f"<!-- begin {name} -->\n<!-- end {name} -->\n" for name in names), encoding="utf-8")
    monkeypatch.setattr(make_reliability, "PAGE", path)
    return path


def test_rows_become_the_table_of_their_name(page: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.jsonl"
    found.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")

    assert make_reliability.main([str(found)]) == 0

    written = page.read_text(encoding="utf-8")
    assert "| fault | bound (s) | took (s) |\n| --- | --- | --- |\n| events lost | 82 | 20.5 |\n" in written
    assert "| act | calls |\n| --- | --- |\n| create | 64 |\n<!-- end crash -->" in written


def test_a_run_that_has_found_nothing_fails(page: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.jsonl"
    found.write_text("", encoding="utf-8")
    before = page.read_bytes()

    assert make_reliability.main([str(found)]) == 1

    assert page.read_bytes() == before
