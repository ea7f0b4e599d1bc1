"""The switch: ``setup`` at the start of a process, ``shutdown`` of what it returns at the end.

OpenTelemetry is imported here, by ``sdk``, and nowhere else. Without it (it comes with the ``serve`` extra) telemetry
stays off, and a log line says so.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FLUSH_S = 5.0
"""Longest time that the last spans and metrics may take to leave a stopping process."""

_logger = logging.getLogger(__name__)


def _nothing() -> None:
    """Close what was never open."""


@dataclass(slots=True)
class Telemetry:
    """What is switched on. ``metrics_port`` is the port of the Prometheus endpoint; None without one."""

    metrics_port: int | None = None
    close: Callable[[], None] = field(default=_nothing, repr=False)

    def shutdown(self, timeout_s: float = FLUSH_S) -> None:
        """Flush and switch off. A collector that does not answer holds a stopping process no longer than this."""
        closing, self.close = self.close, _nothing
        thread = threading.Thread(target=closing, name="telemetry-shutdown", daemon=True)
        thread.start()
        thread.join(timeout_s)
        if thread.is_alive():
            _logger.warning("telemetry: found spans or metrics not exported after %.0f s; they are lost", timeout_s)


def setup(
    service_name: str,
    *,
    metrics_port: int | None = None,
    metrics_host: str = "127.0.0.1",
    environ: Mapping[str, str] = os.environ,
) -> Telemetry:
    """Switch telemetry on, once for a process.

    ``metrics_port`` serves Prometheus under ``/metrics``; 0 picks a free port. OTLP is used where
    ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or its form for one signal) says where to; ``MMPIPE_TRACES_FILE`` names a file
    that spans are appended to; ``OTEL_TRACES_SAMPLER``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_SERVICE_NAME`` and
    ``OTEL_SDK_DISABLED`` mean what OpenTelemetry says.

    Raises ``OSError`` for a port that is taken, and ``MmpipeError`` where OTLP is not to go over gRPC.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Telemetry()
    if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
        _logger.warning("telemetry: found no OpenTelemetry; expected the serve extra; pip install 'mmpipe[serve]'")
        return Telemetry()
    from mmpipe.telemetry.sdk import switch_on  # noqa: PLC0415  # heavy, and not in the base install

    return switch_on(service_name, metrics_port, metrics_host, environ)
