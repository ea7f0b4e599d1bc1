"""Whoever listens for calls on every address of a pod must be scraped there too."""

from __future__ import annotations

import asyncio
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mmpipe.runtimes.gateway import process as gateway
from mmpipe.runtimes.worker import serving as worker


@pytest.mark.parametrize("process", [gateway, worker], ids=["gateway", "worker"])
def test_metrics_are_served_where_calls_are(process: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def setup(_: str, **options: object) -> SimpleNamespace:
        given.update(options)
        return SimpleNamespace(shutdown=lambda: None)

    monkeypatch.setattr(process.telemetry, "setup", setup)
    monkeypatch.setattr(process.telemetry, "setup_logging", lambda: None)
    monkeypatch.setattr(process, "_serve", lambda _: asyncio.sleep(0))

    process.run(SimpleNamespace(address="0.0.0.0:50050", metrics_port=9464))

    assert given == {"metrics_host": "0.0.0.0", "metrics_port": 9464}  # noqa: S104  # as above
