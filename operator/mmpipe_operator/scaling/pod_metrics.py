"""Asks one pod for its metrics. For the metrics adapter, and for who decides which pods a smaller process keeps."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp

from mmpipe.errors import MmpipeError
from mmpipe_operator.scaling.exposition import Sample, samples

TIMEOUT_S = 3.0
_MAX_BYTES = 4 * 1024 * 1024
"""Far more than any process has; a pod is no reason to run out of memory."""


class ScrapeFailed(MmpipeError):  # noqa: N818  # says what is the case
    """A pod did not say how it is; the message names its address and what was found."""


async def scrape(
    session: aiohttp.ClientSession, host: str, port: int, timeout_s: float = TIMEOUT_S
) -> tuple[Sample, ...]:
    """All that the pod at an address says, whole. Raises ScrapeFailed."""
    url = f"http://[{host}]:{port}/metrics" if ":" in host else f"http://{host}:{port}/metrics"
    try:
        async with asyncio.timeout(timeout_s):
            return tuple(samples(await _text(session, url)))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        found = str(error) or f"no answer within {timeout_s:g} s"
        raise ScrapeFailed(f"{url}: {found}; see that the pod runs and that it can be reached from here") from error


async def _text(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url, allow_redirects=False) as answer:
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"found status {answer.status}, expected metrics")
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > _MAX_BYTES:
                raise ValueError(f"found more than {_MAX_BYTES} bytes, expected metrics")
        return content.decode()
