"""The reference pages hold all that the code defines, and a page that differs is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import make_reference
from crd_reference import crd_page
from mmpipe_operator.crd import COLUMNS, rules
from mmpipe_operator.status import CONDITIONS, REASONS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the pages that is not the repository's."""
    monkeypatch.setattr(make_reference, "FOLDER", tmp_path / "reference")
    return tmp_path / "reference"


def test_the_spec_page_has_every_block_and_says_what_acts() -> None:
    page = "\n".join(make_reference.spec_page())

    assert "## `spec.modalities.depth.clean.gates`" in page
    assert "| `maxPixels` | integer >= 1 | `50000000` |" in page
    assert "not yet: temporal alignment comes with the alignment release" in page


def test_a_block_for_clusters_says_so_of_each_of_its_fields() -> None:
    blocks = {block.path: block for block in make_reference.blocks({})}

    assert {field.acts for field in blocks["spec.scaling"].fields} == {"under Kubernetes only"}


def test_the_command_page_has_every_command_with_its_options_and_exit_codes() -> None:
    page = "\n".join(make_reference.cli_page())

    assert "## `mmpipe run`" in page
    assert "## `mmpipe spec explain`" in page
    assert "| `--where " in page
    assert "130 " in page


def test_the_page_of_conditions_has_every_condition_and_every_reason() -> None:
    page = "\n".join(make_reference.conditions_page())

    assert [name for name in CONDITIONS if f"| `{name}` |" not in page] == []
    assert [name for name in REASONS if f"| `{name}` |" not in page] == []


def test_the_page_of_the_crd_has_every_rule_with_its_field_and_remedy() -> None:
    page = "\n".join(crd_page("note"))

    placed = [(each.path.removeprefix("spec.modalities[]."), each.rule.expected) for each in rules()]
    assert [path for path, expected in placed if f"{path}`" not in page or expected not in page] == []
    assert [each.path for each in rules() if each.at != "spec.modalities[]" and each.rule.remedy not in page] == []


def test_the_page_of_the_crd_says_what_cant_be_changed_and_what_kubectl_shows() -> None:
    page = "\n".join(crd_page("note"))
    unchanging = page.partition("## What can't be changed")[2].partition("##")[0]

    assert "`spec.sink.milvus.uri`" in unchanging
    assert "`spec.scaling" not in unchanging
    assert [each["name"] for each in COLUMNS if f"| {each['name'].upper()} |" not in page] == []


def test_a_block_that_stands_in_several_places_is_described_once() -> None:
    page = "\n".join(make_reference.spec_page())

    assert page.count("Overrides of the pod template") == 9  # eight places and its own
    assert page.count("| `imagePullPolicy` |") == 1
    assert "| `template` | [block](#specmodalitiestexttemplate) |" in page.partition("## `spec.worker`")[2]


def test_pages_that_were_written_are_as_the_code_has_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_reference.main([]) == 0
    assert make_reference.main(["--check"]) == 0

    assert json.loads((folder / "spec.schema.json").read_text(encoding="utf-8"))["title"] == "MultimodalPipeline"
    pages = len(make_reference.reference())
    assert f"{pages} generated pages are as the code has them" in capsys.readouterr().out


def test_a_page_that_differs_is_shown_with_the_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_reference.main([])
    page = folder / "spec.md"
    page.write_text(page.read_text(encoding="utf-8").replace("50000000", "5"), encoding="utf-8")

    assert make_reference.main(["--check"]) == 1

    shown = capsys.readouterr().out
    assert "+| `maxPixels` | integer >= 1 | `50000000` |" in shown
    assert f"{page}: found a page that differs from the code" in shown
    assert "run make docs" in shown


def test_a_page_that_is_missing_differs(folder: Path) -> None:
    assert not folder.exists()
    assert make_reference.main(["--check"]) == 1
