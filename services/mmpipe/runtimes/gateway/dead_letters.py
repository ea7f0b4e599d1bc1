"""Samples that were given up: listed by pages, and put into the queue again, slowly.

A redrive is careful in four ways. It can be tried without doing anything; it keeps to a rate, so that what killed the
workers does not come back at once; it leaves alone what was redriven often enough without success; and it lets go of a
letter only when its sample is durable in the queue again, so that one broken off in between loses nothing and queues
nothing twice.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from google.protobuf.message import DecodeError

from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.dead_letters import DeadLetter, LetterFilter, LetterPage
from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.runtimes.gateway import messages, naming
from mmpipe.runtimes.gateway.faults import bad_field, not_serving
from mmpipe.runtimes.gateway.paging import page_size
from mmpipe.runtimes.gateway.queueing import GuardedQueue
from mmpipe.runtimes.gateway.stores import Store
from mmpipe.v1 import gateway_pb2

_PER_SECOND = 10.0
_MAX_REDRIVES = 3
_PAGE = 100

type Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of a pipeline. ``stopping`` ends a redrive between two letters."""

    metadata: Store[Metadata]
    queue: GuardedQueue
    stopping: asyncio.Event
    sleep: Sleep = asyncio.sleep

    async def page(self, request: gateway_pb2.ListDeadLettersRequest) -> gateway_pb2.ListDeadLettersResponse:
        """Some of them, newest first."""
        wanted, size = messages.letter_filter(request.filter), page_size(request.page_size)
        page = await self._page(wanted, size, request.page_token)
        return gateway_pb2.ListDeadLettersResponse(
            dead_letters=map(messages.dead_letter, page.letters), next_page_token=page.next_token, total=page.total
        )

    async def redrive(
        self, request: gateway_pb2.RedriveDeadLettersRequest
    ) -> AsyncIterator[gateway_pb2.RedriveDeadLettersResponse]:
        """What was done with each letter, as it is done. Raises Refusal where a store or the queue goes away."""
        pause_s = 1 / _rate(request.rate)
        most = request.max_redrives or _MAX_REDRIVES
        async for letter in self._fitting(messages.letter_filter(request.filter)):
            if self.stopping.is_set():
                raise not_serving("redrive")
            reason = _why_not(letter, most)
            acts = not reason and not request.dry_run
            if acts:
                await self._put_back(letter)
            yield gateway_pb2.RedriveDeadLettersResponse(sample_id=letter.sample_id, redriven=not reason, reason=reason)
            if acts:
                await self._pause(pause_s)

    async def _pause(self, pause_s: float) -> None:
        """Until the next letter's turn, or the gateway stops."""
        stopped = asyncio.ensure_future(self.stopping.wait())
        paused = asyncio.ensure_future(self.sleep(pause_s))
        try:
            await asyncio.wait((stopped, paused), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            paused.cancel()

    async def _page(self, wanted: LetterFilter, size: int, token: str) -> LetterPage:
        return await self.metadata.ask(lambda metadata: metadata.dead_letters.page(wanted, size, token))

    async def _fitting(self, wanted: LetterFilter) -> AsyncIterator[DeadLetter]:
        """The letters of this moment: what dies again meanwhile is newer than any page to come."""
        token = ""
        while True:
            page = await self._page(wanted, _PAGE, token)
            for letter in page.letters:
                yield letter
            if not (token := page.next_token):
                return

    async def _put_back(self, letter: DeadLetter) -> None:
        envelope = replace(Envelope.from_bytes(letter.envelope), redrives=letter.redrives + 1)
        occasion = f"redrive {letter.redrives + 1} of {letter.last_seen.isoformat()}"
        await self.queue.publish(envelope, letter.lane, naming.submission(letter.sample_id, "", occasion))
        await self.metadata.ask(lambda metadata: metadata.dead_letters.redriven([letter.sample_id]))


def _rate(asked: float) -> float:
    if not (math.isfinite(asked) and asked >= 0):
        raise bad_field("rate", str(asked), "samples per second, at least 0", "leave it out for 10")
    return asked or _PER_SECOND


def _why_not(letter: DeadLetter, most: int) -> str:
    """Why a letter is left alone; empty where it is not."""
    if letter.redrives >= most:
        return (
            f"found it redriven {letter.redrives} times without success, expected fewer than {most}; "
            "see what is wrong with it, then raise max_redrives"
        )
    try:
        Envelope.from_bytes(letter.envelope)
    except DecodeError:
        return "found no sample in its envelope, expected one; submit the sample again and remove the letter"
    return ""
