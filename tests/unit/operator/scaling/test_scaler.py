from __future__ import annotations

from pathlib import Path

from mmpipe_operator.plan import Scaler
from mmpipe_operator.scaling.scaler import scaler

ADDRESS = "mmpipe-metrics-adapter.mmpipe-system.svc:6444"


def test_the_authority_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("old")
    assert scaler(ADDRESS, str(file)) == Scaler(ADDRESS, "old")

    file.write_text("old and new")

    assert scaler(ADDRESS, str(file)) == Scaler(ADDRESS, "old and new")


def test_there_is_no_scaler_before_the_adapter_has_made_its_certificate(tmp_path: Path) -> None:
    """The mount is optional, and the Secret of the chart is empty at first."""
    assert scaler(ADDRESS, str(tmp_path / "ca.crt")) is None
    (tmp_path / "ca.crt").write_text("")
    assert scaler(ADDRESS, str(tmp_path / "ca.crt")) is None


def test_there_is_none_without_settings() -> None:
    assert scaler("", "") is None
    assert scaler(ADDRESS, "") is None
