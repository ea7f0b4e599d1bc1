"""Waiting for what another process does, with a bound and a reason: never a sleep of a guessed length."""

from __future__ import annotations

import time
from collections.abc import Callable

_POLL_S = 0.05


def wait_for[T](answer: Callable[[], T | None], timeout_s: float = 30.0, what: object = None) -> T:
    """Ask until the answer is true, and return it. ``what`` is told of a failure: a text, or a function that finds it.

    An ``AssertionError`` of ``answer`` counts as "not yet" and is the reason where it stays.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        found, reason = _ask(answer)
        if found:
            return found
        if time.monotonic() > deadline:
            detail = what() if callable(what) else what
            raise AssertionError(f"waited {timeout_s:.0f} s in vain; {reason}{detail or ''}")
        time.sleep(_POLL_S)


def _ask[T](answer: Callable[[], T | None]) -> tuple[T | None, str]:
    try:
        found = answer()
    except AssertionError as error:
        return None, f"last: {error}; "
    return found, f"last answer: {found!r:.300}; "
