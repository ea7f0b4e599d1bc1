from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmpipe import telemetry
from mmpipe.cli.main import app
from mmpipe.cli.waterfall import NoTraceError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with what `mmpipe up` records."""
    traces = tmp_path / "media" / "up" / "traces"
    traces.mkdir(parents=True)
    handle = telemetry.setup("mmpipe-gateway", environ={"MMPIPE_TRACES_FILE": str(traces / "gateway.jsonl")})
    for sample in ("a", "b"):
        with telemetry.span(
            "mmpipe.gateway.accept", sample_id=sample, messaging_system="nats", messaging_operation_type="send"
        ):
            pass
    handle.shutdown()
    return tmp_path


def test_the_trace_of_a_sample_is_shown_in_the_terminal(data: Path) -> None:
    shown = CliRunner().invoke(app, ["trace", "a", "--data", str(data)], catch_exceptions=False)

    assert shown.output.startswith("trace ")
    assert "gateway.accept" in shown.output


def test_the_picture_of_the_latest_sample_is_written(data: Path) -> None:
    svg = data / "trace.svg"
    CliRunner().invoke(app, ["trace", "--data", str(data), "--svg", str(svg)], catch_exceptions=False)

    assert "Sample b" in svg.read_text(encoding="utf-8")


def test_files_may_be_named(data: Path) -> None:
    file = data / "media" / "up" / "traces" / "gateway.jsonl"
    shown = CliRunner().invoke(app, ["trace", "--from", str(file), "--data", "elsewhere"], catch_exceptions=False)

    assert shown.exit_code == 0


def test_a_data_folder_without_traces_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["trace", "--data", str(tmp_path)])

    assert isinstance(result.exception, NoTraceError)
    assert "submit it first" in str(result.exception)
