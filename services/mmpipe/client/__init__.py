"""The Python client of a pipeline's gateway: hand samples in, follow them, search, look after what was given up.

::

    Client ──────▶ transport ──▶ adapters.channels            with threads
      │  └───────▶ ingest ─────┐
      ├──▶ messages, samples, uploads, calls ──▶ intake       shared: what is said, and what is decided
      │  ┌───────▶ aingest ────┘
    AsyncClient ─▶ atransport ─▶ adapters.channels            with asyncio

Answers are frozen :mod:`records <mmpipe.client.records>`, faults one tree of :mod:`errors <mmpipe.client.errors>`. It
needs the extra ``mmpipe[serve]``; ``testing`` has a gateway in memory for the tests of programs that use it.
"""

from __future__ import annotations

from importlib.util import find_spec

from mmpipe.client.errors import MissingExtraError

if find_spec("grpc") is None or find_spec("grpc_status") is None:
    raise MissingExtraError(
        "mmpipe.client: found no gRPC in this Python; expected the extra serve; pip install 'mmpipe[serve]'"
    )

from mmpipe.adapters.channels import Credentials
from mmpipe.client.aclient import AsyncClient
from mmpipe.client.client import Client
from mmpipe.client.errors import (
    BadRequest,
    Busy,
    Damaged,
    GatewayBug,
    GatewayError,
    NotAuthenticated,
    NotFound,
    NotHere,
    OtherModel,
    TimedOut,
    TooLarge,
    Unavailable,
)
from mmpipe.client.messages import QueryError
from mmpipe.client.records import (
    Answer,
    DeadLetter,
    DeadLetterFilter,
    Deleted,
    Hit,
    PartStatus,
    QuarantinedItem,
    Receipt,
    Redrive,
    SampleState,
    SampleStatus,
    Stored,
)

__all__ = [
    "Answer",
    "AsyncClient",
    "BadRequest",
    "Busy",
    "Client",
    "Credentials",
    "Damaged",
    "DeadLetter",
    "DeadLetterFilter",
    "Deleted",
    "GatewayBug",
    "GatewayError",
    "Hit",
    "MissingExtraError",
    "NotAuthenticated",
    "NotFound",
    "NotHere",
    "OtherModel",
    "PartStatus",
    "QuarantinedItem",
    "QueryError",
    "Receipt",
    "Redrive",
    "SampleState",
    "SampleStatus",
    "Stored",
    "TimedOut",
    "TooLarge",
    "Unavailable",
]
