"""Ctrl-C in a command that finishes what it has begun: asked once it stops, asked twice it leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import typer

EXIT_INTERRUPTED = 130


@contextmanager
def stopping() -> Iterator[Event]:
    """An event that the first SIGINT or SIGTERM sets. The second one ends the process: nothing committed is lost."""
    stop = Event()

    def ask(_signal: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(EXIT_INTERRUPTED)
        stop.set()
        typer.echo("\nmmpipe: finishing what is in flight; press Ctrl-C again to leave at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
