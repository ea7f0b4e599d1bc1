"""The servers of tests themselves: one whose test is over does not come back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.servers.process import Server, running


def test_a_server_whose_test_is_over_is_not_started_again(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    program = f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(60)"
    with running(Server([sys.executable, "-c", program], tmp_path, marker.exists)) as server:
        marker.unlink()

    with pytest.raises(pytest.fail.Exception, match="after the end of its test"):
        server.start()

    assert not marker.exists()
