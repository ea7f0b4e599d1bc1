"""What one fetch says about itself: a span, its seconds, its bytes, how it ended. Never the URI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmpipe import telemetry
from mmpipe.adapters.fetch.errors import FetchRefused


@contextmanager
def measured(scheme: str, data: Path) -> Iterator[None]:
    """Around a fetch that writes to ``data``. ``scheme`` is one that is fetched, so there are few."""
    began, outcome = time.perf_counter(), "failed"
    try:
        with telemetry.span("mmpipe.fetch", scheme=scheme) as span:
            yield
            outcome, size_bytes = "fetched", data.stat().st_size
            span.set(bytes=size_bytes)
            telemetry.count("mmpipe.fetch.bytes", size_bytes, scheme=scheme)
    except FetchRefused:
        outcome = "refused"
        raise
    finally:
        telemetry.record("mmpipe.fetch.duration", time.perf_counter() - began, scheme=scheme, outcome=outcome)
