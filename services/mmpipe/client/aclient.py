"""``AsyncClient``: a gateway from a program with asyncio. Each method says and answers what that of ``Client`` does.

What is said is in ``messages``, how it is carried in ``atransport``, streams of samples are in ``aingest``; here is
only what a caller sees.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Self, Unpack

from mmpipe.adapters.channels import Credentials
from mmpipe.client import messages
from mmpipe.client.aingest import AsyncIngest, Samples
from mmpipe.client.answers import Page
from mmpipe.client.atransport import AsyncTransport
from mmpipe.client.calls import RETRY, TIMEOUT_S, UPLOAD_S, Calling
from mmpipe.client.messages import Ask
from mmpipe.client.records import (
    EVERY,
    Answer,
    DeadLetter,
    DeadLetterFilter,
    Deleted,
    QuarantinedItem,
    Receipt,
    Redrive,
    SampleStatus,
)
from mmpipe.client.samples import QueryMedia, SampleLike, sample_of, to_upload, with_references
from mmpipe.client.uploads import Source, arequests_of
from mmpipe.records import Modality, Reference, Sample
from mmpipe.spec.delivery import Retry


class AsyncClient:
    """A connection to one pipeline's gateway, made and used within one event loop. See :class:`~mmpipe.client.Client`.

    async with AsyncClient("127.0.0.1:50050") as client:
        receipt = await client.submit({"id": "a", "text": "a red bell", "image": "bell.jpg"})
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        credentials: Credentials | None = None,
        timeout_s: float = TIMEOUT_S,
        retry: Retry = RETRY,
    ) -> None:
        self._transport = AsyncTransport(Calling(address, token, credentials, timeout_s, retry))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; calls under way fail."""
        await self._transport.close()

    async def submit(self, sample: SampleLike, *, timeout_s: float | None = None) -> Receipt:
        """Hand in one sample; its receipt means that it is durable."""
        prepared = await self._prepared(sample_of(sample))
        return messages.accepted(await self._transport.ask(messages.submit(prepared), timeout_s))

    def ingest(self, samples: Samples) -> AsyncIterator[Receipt]:
        """Hand in many samples, from any iterable, and get one receipt for each, in their order. The fastest way in."""
        return AsyncIngest(self._transport, self._prepared).receipts(samples)

    async def upload(self, source: Source, *, timeout_s: float = UPLOAD_S) -> Reference:
        """Put a medium into the pipeline's object store; its reference then stands for it in a sample."""
        return await self._transport.send(messages.upload(), arequests_of(source), timeout_s)

    async def sample(self, sample_id: str, *, timeout_s: float | None = None) -> SampleStatus:
        """What is known about a sample. Raises NotFound for one that was never accepted."""
        return await self._transport.ask(messages.sample(sample_id), timeout_s)

    def watch(self, sample_id: str, *, timeout_s: float | None = None) -> AsyncIterator[SampleStatus]:
        """The same now, and whenever it changes, until it is settled; without a deadline where none is given."""
        return messages.achanges(self._transport.listen(messages.watch(sample_id), timeout_s, resume=True))

    async def wait(self, sample_id: str, timeout_s: float | None = None) -> SampleStatus:
        """The sample once it is settled: stored, quarantined or dead. Raises TimedOut."""
        return [status async for status in self.watch(sample_id, timeout_s=timeout_s)][-1]

    async def search(
        self,
        text: str = "",
        *,
        top: int = 10,
        into: Sequence[str] = (),
        where: str = "",
        timeout_s: float | None = None,
        **media: Unpack[QueryMedia],
    ) -> Answer:
        """The stored samples nearest to a query, best first."""
        query = messages.query_of(text, media)
        asked = messages.search(await self._prepared(query), top=top, into=into, where=where)
        return await self._transport.ask(asked, timeout_s)

    def dead_letters(self, wanted: DeadLetterFilter = EVERY) -> AsyncIterator[DeadLetter]:
        """The samples that were given up, newest first; pages are fetched as they are needed."""
        return self._pages(lambda token: messages.dead_letters(wanted, token))

    def redrive(
        self, wanted: DeadLetterFilter = EVERY, *, rate: float = 10.0, dry_run: bool = False, max_redrives: int = 3
    ) -> AsyncIterator[Redrive]:
        """Put dead letters into the queue again, ``rate`` of them a second, and say what became of each."""
        ask = messages.redrive(wanted, rate=rate, dry_run=dry_run, max_redrives=max_redrives)
        return self._transport.listen(ask, resume=False)

    def quarantined(
        self, sample_id: str = "", *, gate: str = "", modality: Modality | None = None
    ) -> AsyncIterator[QuarantinedItem]:
        """What gates rejected, newest first: of a sample, of the gates that start so, of a modality."""
        return self._pages(lambda token: messages.quarantined(sample_id, gate, modality, token))

    async def release(self, sample_id: str, *, timeout_s: float | None = None) -> Receipt:
        """Let a quarantined sample in whatever its gates say: it is queued again, and no gate rejects it."""
        return messages.accepted(await self._transport.ask(messages.release(sample_id), timeout_s))

    async def delete(self, sample_id: str, *, timeout_s: float | None = None) -> Deleted:
        """Forget a sample: its vectors, metadata, dead letters, and originals that no other sample has."""
        return await self._transport.ask(messages.delete(sample_id), timeout_s)

    async def _prepared(self, sample: Sample) -> Sample:
        """The sample with references in place of what is too large to travel inside it."""
        references = {at: await self.upload(sample.parts[at].media.content) for at in to_upload(sample)}
        return with_references(sample, references)

    async def _pages[Entry](self, page_at: Callable[[str], Ask[Page[Entry]]]) -> AsyncIterator[Entry]:
        token: str | None = ""
        while token is not None:
            page = await self._transport.ask(page_at(token))
            for entry in page.entries:
                yield entry
            token = page.next_token or None
