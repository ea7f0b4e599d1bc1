"""The settings of a NATS server that keep the promise "accepted means durable".

``mmpipe up``, the tests and the chart start servers with them; whoever runs a NATS server of his own takes them over
(docs/decisions/0013). A client cannot ask a server for ``sync_interval``, so nobody checks it for him.

``sync_interval: always`` makes JetStream call fsync before it acknowledges. Its default is two minutes: Jepsen lost
acknowledged messages to a power failure with it (jepsen.io/analyses/nats-2.12.1).
"""

from __future__ import annotations

import json
from pathlib import Path

MAX_PAYLOAD_BYTES = 1024 * 1024
"""NATS's own default; the claim check keeps envelopes far below it."""

_CONFIGURATION = """\
listen: {listen}
max_payload: {max_payload}
jetstream {{
  store_dir: {folder}
  sync_interval: always
}}
"""


def configuration(folder: Path, host: str, port: int) -> str:
    """The text of a server configuration with its streams in ``folder``."""
    return _CONFIGURATION.format(
        listen=json.dumps(f"{host}:{port}"),
        max_payload=MAX_PAYLOAD_BYTES,
        folder=json.dumps(str(folder)),
    )
