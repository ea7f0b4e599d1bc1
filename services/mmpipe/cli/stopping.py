"""Ctrl-C in a command that finishes what it has begun: asked once it stops, asked twice it leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import typer

EXIT_INTERRUPTED = 130
_LONGEST_SLEEP_S = 0.5


@contextmanager
def stopping(*, aloud: bool = True) -> Iterator[Event]:
    """An event that the first SIGINT or SIGTERM sets. The second one ends the process: nothing committed is lost.

    ``aloud`` tells the person at the terminal what happens now.
    """
    stop = Event()

    def ask(_signal: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(EXIT_INTERRUPTED)
        stop.set()
        if aloud:
            typer.echo("\nmmpipe: finishing what is in flight; press Ctrl-C again to leave at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(stop: Event) -> None:
    """Until it is set.

    Python handles signals in its main thread only, and one that the system hands to another thread does not wake this
    one. So it wakes by itself.
    """
    while not stop.wait(_LONGEST_SLEEP_S):
        pass
