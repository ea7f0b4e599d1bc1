"""Log lines as JSON on stderr, one object a line, with the ids that join them to a trace and a sample.

``about`` says which sample a piece of work is about; asyncio tasks and ``asyncio.to_thread`` take it along. Messages
are for people and stay short: what is longer is cut, and a password or token in a URI is starred, so that neither a
payload nor a secret gets out by an exception's text.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from mmpipe.telemetry.secrets import starred
from mmpipe.telemetry.spans import traceparent

MAX_MESSAGE_CHARACTERS = 2_000
MAX_EXCEPTION_CHARACTERS = 8_000
_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_ABOUT: ContextVar[dict[str, str]] = ContextVar("mmpipe_about", default={})  # noqa: B039  # never changed in place


@contextmanager
def about(*, sample_id: str = "", pipeline: str = "") -> Iterator[None]:
    """Log lines of the block name this sample and pipeline; what is empty stays as it was around it."""
    given = {"sample_id": sample_id, "pipeline": pipeline}
    token = _ABOUT.set({**_ABOUT.get(), **{key: value for key, value in given.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def setup_logging(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log line of the process as JSON to the stream (stderr), in place of what was set before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)


class JsonLines(logging.Formatter):
    """A record as one JSON object: ``timestamp``, ``level``, ``logger``, ``message``, ids, ``extra``, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _safe(record.getMessage(), MAX_MESSAGE_CHARACTERS),
            **_trace(),
            **_ABOUT.get(),
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = _safe(self.formatException(record.exc_info), MAX_EXCEPTION_CHARACTERS)
        return json.dumps(line, ensure_ascii=False)


def _trace() -> dict[str, str]:
    pieces = traceparent().split("-")
    return {"trace_id": pieces[1], "span_id": pieces[2]} if len(pieces) == 4 else {}  # noqa: PLR2004  # W3C


def _extra(record: logging.LogRecord) -> dict[str, str | int | float | bool]:
    """What the caller gave as ``extra``, as far as it is plain."""
    given = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    plain = {key: value for key, value in given.items() if isinstance(value, str | int | float | bool)}
    return {
        key: _safe(value, MAX_MESSAGE_CHARACTERS) if isinstance(value, str) else value for key, value in plain.items()
    }


def _safe(text: str, longest: int) -> str:
    """Without secrets, and with its middle left out where it is long: both ends of a traceback matter."""
    clean = starred(text)
    if len(clean) <= longest:
        return clean
    half = longest // 2
    return f"{clean[:half]} [{len(clean) - 2 * half} characters left out] {clean[-half:]}"
