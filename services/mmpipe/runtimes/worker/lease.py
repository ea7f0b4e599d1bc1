"""Keeping a delivery while it is worked on: the lease is renewed long before it ends.

A worker that dies renews nothing, and the queue gives the sample to another one. One that is only slow keeps it,
however long the film is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mmpipe.adapters.queue import Delivery

RENEWALS = 3
"""Renewals in the time of one lease: two may be lost on the way."""


@asynccontextmanager
async def kept(delivery: Delivery, lease_s: float) -> AsyncIterator[None]:
    """Hold the delivery for as long as the block takes."""
    renewing = asyncio.create_task(_renew(delivery, lease_s / RENEWALS))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _renew(delivery: Delivery, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await delivery.extend()
