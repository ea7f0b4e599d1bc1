"""How busy a pod says that it is: from the metrics of a worker, or of a server that answers calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp

from mmpipe.errors import MmpipeError
from mmpipe_operator import names
from mmpipe_operator.scaling.exposition import Sample, total
from mmpipe_operator.scaling.pod_metrics import scrape
from mmpipe_operator.sparing.cost import Load
from mmpipe_operator.sparing.rounds import Read

WORKER_AGE = "mmpipe_worker_age_seconds"
WORKER_IN_FLIGHT = "mmpipe_worker_in_flight"
SERVER_IN_FLIGHT = "mmpipe_server_in_flight"


class NotSaid(MmpipeError):  # noqa: N818  # says what is the case
    """The metrics of a pod do not say how busy it is: it may be of another release."""


@asynccontextmanager
async def asking(port: int = names.METRICS_PORT) -> AsyncIterator[Read]:
    """Asks pods for their load, inside the block."""
    async with aiohttp.ClientSession() as session:

        async def read(address: str) -> Load:
            return load_of(await scrape(session, address, port))

        yield read


def load_of(found: Iterable[Sample]) -> Load:
    """The work in flight. Raises NotSaid.

    A worker always tells the age of its oldest sample, and the number of samples only once it had one.
    """
    known = tuple(found)
    oldest_s = total(known, WORKER_AGE)
    items = total(known, SERVER_IN_FLIGHT) if oldest_s is None else total(known, WORKER_IN_FLIGHT) or 0.0
    if items is None:
        raise NotSaid(
            f"found neither {WORKER_AGE} nor {SERVER_IN_FLIGHT}, expected one of them; is it of this release?"
        )
    return Load(items, oldest_s or 0.0)
