"""What ``tools/make_chart.py`` writes, and what it says of a file that is not as the code has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import make_chart
from mmpipe.spec import from_object
from mmpipe_operator.crd import document


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the files that is not the repository's; what they are made from is still the repository's."""
    files = {tmp_path / path: text for path, text in make_chart.generated().items()}
    monkeypatch.setattr(make_chart, "generated", lambda: files)
    return tmp_path


def test_what_was_written_is_found_to_be_as_the_code_has_it(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_chart.main([]) == 0
    assert make_chart.main(["--check"]) == 0

    assert capsys.readouterr().out == "8 generated files of the chart are as the code has them\n"
    assert (checkout / "charts/mmpipe/values.yaml").is_file()


def test_a_file_that_was_edited_is_named_with_what_differs(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_chart.main([])
    values = checkout / "charts/mmpipe/values.yaml"
    values.write_text(
        values.read_text(encoding="utf-8").replace("replicaCount: 2", "replicaCount: 3"), encoding="utf-8"
    )

    assert make_chart.main(["--check"]) == 1

    said = capsys.readouterr().out
    assert str(values) in said
    assert "-replicaCount: 3" in said or "replicaCount: 2" in said


def test_a_file_that_is_missing_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_chart.main([])
    (checkout / "charts/mmpipe/files/crd.yaml").unlink()

    assert make_chart.main(["--check"]) == 1
    assert "charts/mmpipe/files/crd.yaml" in capsys.readouterr().out


def test_the_repository_has_what_the_code_says() -> None:
    different = [path for path, text in make_chart.generated().items() if path.read_text(encoding="utf-8") != text]

    assert different == []


def test_the_crd_of_the_chart_is_the_operators_own() -> None:
    text = make_chart.generated()[make_chart.CHART / "files" / "crd.yaml"]

    assert yaml.safe_load(text) == json.loads(json.dumps(document()))


def test_artifact_hub_is_told_of_what_the_chart_brings() -> None:
    chart = yaml.safe_load(make_chart.generated()[make_chart.CHART / "Chart.yaml"])
    told = {name.removeprefix("artifacthub.io/"): text for name, text in chart["annotations"].items()}
    (crd,), examples = yaml.safe_load(told["crds"]), yaml.safe_load(told["crdsExamples"])

    assert crd["name"] == document()["metadata"]["name"]
    assert crd["version"] == document()["spec"]["versions"][0]["name"]
    assert [from_object(each).metadata.name for each in examples] == ["minimal"]
    assert {each["image"].rpartition(":")[2] for each in yaml.safe_load(told["images"])} == {chart["appVersion"]}
    assert told["operator"] == "true"
