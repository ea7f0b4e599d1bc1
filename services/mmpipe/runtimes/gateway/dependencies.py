"""What a gateway needs and may not have: each is asked with an end to waiting, through a breaker, and named in faults.

A dependency that hangs would hold every call for as long as its adapter is patient. Here a call has its answer in
seconds, and once the breaker is open at once, with the time after which to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mmpipe.adapters.errors import SampleBusy, StoreError, StoreUnreachable
from mmpipe.resilience.breaker import Breaker, BreakerOpen, Permit
from mmpipe.runtimes.gateway.faults import refusal_of, unanswered

ANSWER_S = 10.0
"""Longest wait for a store; the adapters try again within it."""


class Dependency:
    """A neighbour under the ``name`` that faults, metrics and logs call it. ``answer_s`` None waits without end."""

    def __init__(self, name: str, breaker: Breaker | None = None, answer_s: float | None = ANSWER_S) -> None:
        self.name = name
        self._breaker = breaker
        self._answer_s = answer_s

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[None]:
        """Ask within. Raises Refusal in the place of a StoreError, and where there is no answer in time."""
        with self._enter() as permit:
            try:
                async with asyncio.timeout(self._answer_s):
                    yield
            except (StoreError, TimeoutError) as error:
                _judge(permit, error)
                raise refusal_of(self.name, error) from error
            permit.succeeded()

    def _enter(self) -> Permit:
        try:
            return self._breaker.enter() if self._breaker else Permit(lambda _: None)
        except BreakerOpen as error:
            raise unanswered(self.name, error.retry_after_s) from error


def _judge(permit: Permit, error: StoreError | TimeoutError) -> None:
    """A store that answered no is well; one that another process keeps busy says nothing."""
    if isinstance(error, SampleBusy):
        permit.ignored()
    elif isinstance(error, StoreUnreachable | TimeoutError):
        permit.failed()
    else:
        permit.succeeded()
