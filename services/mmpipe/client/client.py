"""``Client``: a gateway from a program with threads. ``AsyncClient`` is the same for asyncio.

What is said is in ``messages``, how it is carried in ``transport``, streams of samples are in ``ingest``; here is only
what a caller sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self, Unpack

from mmpipe.adapters.channels import Credentials
from mmpipe.client import messages
from mmpipe.client.answers import Page
from mmpipe.client.calls import RETRY, TIMEOUT_S, UPLOAD_S, Calling
from mmpipe.client.ingest import Ingest
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
from mmpipe.client.transport import Transport
from mmpipe.client.uploads import Source, requests_of
from mmpipe.records import Modality, Reference, Sample
from mmpipe.spec.delivery import Retry


class Client:
    """A connection to one pipeline's gateway. Safe for threads; close it, or use it as a context.

        with Client("127.0.0.1:50050") as client:
            receipt = client.submit({"id": "a", "text": "a red bell", "image": "bell.jpg"})

    ``address`` is gRPC's (``host:port``, ``dns:///host:port``); with ``credentials`` the connection is TLS, with
    certificate and key mutual TLS; ``token`` is sent with each call. Every method raises GatewayError (see ``errors``)
    after as many tries as ``retry`` allows for what may pass, all within ``timeout_s``, which each call may change.
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
        self._transport = Transport(Calling(address, token, credentials, timeout_s, retry))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls under way fail."""
        self._transport.close()

    def submit(self, sample: SampleLike, *, timeout_s: float | None = None) -> Receipt:
        """Hand in one sample; its receipt means that it is durable. Large media are uploaded first.

        ``sample`` is a mapping such as ``{"id": "a", "text": "a red bell", "image": "bell.jpg"}``, or a
        :class:`mmpipe.Sample`. Without an id the gateway derives one from the content. Raises InputError for a file
        that cannot be read.
        """
        prepared = self._prepared(sample_of(sample))
        return messages.accepted(self._transport.ask(messages.submit(prepared), timeout_s))

    def ingest(self, samples: Iterable[SampleLike]) -> Iterator[Receipt]:
        """Hand in many samples, and get one receipt for each, in their order. The fastest way in.

        A sample that is refused has its error in its receipt and stops no other. Samples are read in a thread of their
        own, as far ahead as the gateway keeps up; memory stays bounded for a stream of any length. A gateway that goes
        away is waited for as long as ``retry`` allows, and what it had not answered is sent again; it knows what it has
        by id. Raises what ``samples`` raises, after the receipts of all that came before.
        """
        return Ingest(self._transport, self._prepared).receipts(samples)

    def upload(self, source: Source, *, timeout_s: float = UPLOAD_S) -> Reference:
        """Put a medium into the pipeline's object store; its reference then stands for it in a sample.

        ``source`` is a path, bytes, or a binary stream that can be read twice. Raises TooLarge
        before the bytes travel where the gateway takes no such medium.
        """
        return self._transport.send(messages.upload(), requests_of(source), timeout_s)

    def sample(self, sample_id: str, *, timeout_s: float | None = None) -> SampleStatus:
        """What is known about a sample. Raises NotFound for one that was never accepted."""
        return self._transport.ask(messages.sample(sample_id), timeout_s)

    def watch(self, sample_id: str, *, timeout_s: float | None = None) -> Iterator[SampleStatus]:
        """The same now, and whenever it changes, until it is settled; without a deadline where none is given."""
        return messages.changes(self._transport.listen(messages.watch(sample_id), timeout_s, resume=True))

    def wait(self, sample_id: str, timeout_s: float | None = None) -> SampleStatus:
        """The sample once it is settled: stored, quarantined or dead. Raises TimedOut."""
        *_, last = self.watch(sample_id, timeout_s=timeout_s)
        return last

    def search(
        self,
        text: str = "",
        *,
        top: int = 10,
        into: Sequence[str] = (),
        where: str = "",
        timeout_s: float | None = None,
        **media: Unpack[QueryMedia],
    ) -> Answer:
        """The stored samples nearest to a query, best first.

        ``text`` and ``image``, ``audio``, ``video``, ``depth`` (paths, bytes, arrays or references) make the query
        together; ``into`` names the modalities that
        may answer, ``fused`` among them (all where empty); ``where`` is a Milvus filter expression. Raises QueryError
        where nothing is asked.
        """
        query = messages.query_of(text, media)
        asked = messages.search(self._prepared(query), top=top, into=into, where=where)
        return self._transport.ask(asked, timeout_s)

    def dead_letters(self, wanted: DeadLetterFilter = EVERY) -> Iterator[DeadLetter]:
        """The samples that were given up, newest first; pages are fetched as they are needed."""
        return self._pages(lambda token: messages.dead_letters(wanted, token))

    def redrive(
        self, wanted: DeadLetterFilter = EVERY, *, rate: float = 10.0, dry_run: bool = False, max_redrives: int = 3
    ) -> Iterator[Redrive]:
        """Put dead letters into the queue again, ``rate`` of them a second, and say what became of each.

        One that was redriven ``max_redrives`` times without success stays where it is. A ``dry_run`` only says what
        would be done.
        """
        ask = messages.redrive(wanted, rate=rate, dry_run=dry_run, max_redrives=max_redrives)
        return self._transport.listen(ask, resume=False)

    def quarantined(
        self, sample_id: str = "", *, gate: str = "", modality: Modality | None = None
    ) -> Iterator[QuarantinedItem]:
        """What gates rejected, newest first: of a sample, of the gates that start so, of a modality."""
        return self._pages(lambda token: messages.quarantined(sample_id, gate, modality, token))

    def release(self, sample_id: str, *, timeout_s: float | None = None) -> Receipt:
        """Let a quarantined sample in whatever its gates say: it is queued again, and no gate rejects it."""
        return messages.accepted(self._transport.ask(messages.release(sample_id), timeout_s))

    def delete(self, sample_id: str, *, timeout_s: float | None = None) -> Deleted:
        """Forget a sample: its vectors, metadata, dead letters, and originals that no other sample has."""
        return self._transport.ask(messages.delete(sample_id), timeout_s)

    def _prepared(self, sample: Sample) -> Sample:
        """The sample with references in place of what is too large to travel inside it."""
        references = {at: self.upload(sample.parts[at].media.content) for at in to_upload(sample)}
        return with_references(sample, references)

    def _pages[Entry](self, page_at: Callable[[str], Ask[Page[Entry]]]) -> Iterator[Entry]:
        token: str | None = ""
        while token is not None:
            page = self._transport.ask(page_at(token))
            yield from page.entries
            token = page.next_token or None
