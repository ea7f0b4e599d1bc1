"""Another try where a store did not answer: exponential backoff with full jitter, bounded.

One layer for each hop (DESIGN 5): the object store retries inside obstore, so only vectors and metadata come here.
What may be tried again must have the same effect twice; every write of ours is an upsert or a delete by id.
"""

from __future__ import annotations

from collections.abc import Callable

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from mmpipe.adapters.errors import StoreUnreachable

ATTEMPTS = 5
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
"""Waits are drawn from [0, min(LONGEST, FIRST * 2^attempt)] ("Exponential Backoff And Jitter", AWS, 2015)."""


def patiently[T](attempt: Callable[[], T], retrying: Retrying | None = None) -> T:
    """The answer of ``attempt``, tried again while it raises StoreUnreachable; the last such error is raised."""
    return (retrying or unhurried())(attempt)


def unhurried() -> Retrying:
    """The policy above, new for each call, since a Retrying carries its own statistics."""
    return Retrying(
        retry=retry_if_exception_type(StoreUnreachable),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
