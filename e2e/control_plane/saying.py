"""What a played pod says at ``/metrics``: its address is this machine's, so a test answers there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mmpipe_operator.kinds import Manifest
from mmpipe_operator.names import METRICS_PORT


@contextmanager
def saying(pod: Manifest, metrics: str) -> Iterator[None]:
    """The pod answers with these metrics, inside the block."""

    class Answer(BaseHTTPRequestHandler):
        """One scrape."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(metrics.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base calls it
            """Say nothing."""

    with ThreadingHTTPServer((pod["status"]["podIP"], METRICS_PORT), Answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
