"""One ingest of the synchronous client: a thread reads samples, another carries packs, the caller takes receipts.

``intake`` decides what happens; here is the acting: waiting, uploading, sending, pausing. ``aingest`` is the same with
tasks. The threads are daemons: a source that blocks for ever keeps no program from ending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING

from mmpipe.adapters import wire
from mmpipe.client.errors import GatewayError
from mmpipe.client.intake import Intake
from mmpipe.client.records import Receipt
from mmpipe.client.samples import SampleLike, inline_size, sample_of, to_upload
from mmpipe.records import Sample
from mmpipe.v1 import gateway_pb2

if TYPE_CHECKING:
    from mmpipe.client.transport import Transport

UPLOADS = 4
"""Media uploaded at once: one stream alone does not fill a network."""


class Ingest:
    """See the head of this module. ``prepare`` uploads what is large of a sample."""

    def __init__(self, transport: Transport, prepare: Callable[[Sample], Sample]) -> None:
        calling = transport.calling
        self._transport, self._prepare = transport, prepare
        self._intake = Intake(transport.clock, calling.retry.attempts, calling.backoff)
        self._changed = Condition()
        self._stream: object = None

    def receipts(self, samples: Iterable[SampleLike]) -> Iterator[Receipt]:
        """One receipt for each sample, in order."""
        self._start(lambda: self._read(samples), "mmpipe-ingest-read")
        self._start(self._carry, "mmpipe-ingest-carry")
        stopped = False
        try:
            while not stopped:
                receipts, stopped = self._next()
                yield from receipts
        finally:
            self._close()
        if (fault := self._intake.fault or self._intake.ending) is not None:
            raise fault

    def _start(self, work: Callable[[], None], name: str) -> None:
        Thread(target=lambda: self._guarded(work), name=name, daemon=True).start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """What goes wrong in a thread is raised in the caller's."""
        try:
            work()
        except BaseException as fault:  # noqa: BLE001  # as the docstring says
            with self._changed:
                self._intake.fail(fault)
                self._changed.notify_all()

    def _next(self) -> tuple[list[Receipt], bool]:
        """The receipts that are next, and whether no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._intake.has_ready or self._intake.stopped)
            receipts = self._intake.ready()
            self._changed.notify_all()
            return receipts, self._intake.stopped

    def _close(self) -> None:
        with self._changed:
            self._intake.closed = True
            self._changed.notify_all()

    def _await(self, ready: Callable[[], bool]) -> bool:
        """Wait until something can be done; False where nothing will. The lock is held."""
        self._changed.wait_for(lambda: ready() or self._intake.stopped)
        return not self._intake.stopped

    def _read(self, samples: Iterable[SampleLike]) -> None:
        ending: Exception | None = None
        try:
            with ThreadPoolExecutor(UPLOADS, thread_name_prefix="mmpipe-ingest-upload") as uploads:
                self._read_all(samples, uploads)
        except Exception as error:  # noqa: BLE001  # raised in the caller's thread, when what came before is answered
            ending = error
        with self._changed:
            self._intake.end(ending)
            self._changed.notify_all()

    def _read_all(self, samples: Iterable[SampleLike], uploads: ThreadPoolExecutor) -> None:
        for value in samples:
            sample = sample_of(value)
            with self._changed:
                if not self._await(lambda: self._intake.room):
                    return
                number = self._intake.begin(inline_size(sample))
            if to_upload(sample):
                uploads.submit(self._guarded, partial(self._upload, number, sample))
            else:
                self._put(number, sample)

    def _upload(self, number: int, sample: Sample) -> None:
        try:
            self._put(number, self._prepare(sample))
        except GatewayError as error:
            with self._changed:
                self._intake.refuse(number, sample.id, error)
                self._changed.notify_all()

    def _put(self, number: int, sample: Sample) -> None:
        message = wire.encode_sample(sample)
        with self._changed:
            self._intake.put(number, message)
            if self._intake.sendable or self._intake.has_ready:  # else nobody has anything to do
                self._changed.notify_all()

    def _carry(self) -> None:
        while self._sendable():
            self._pause(self._lost(self._carry_stream()))

    def _sendable(self) -> bool:
        with self._changed:
            return self._await(lambda: self._intake.sendable)

    def _carry_stream(self) -> GatewayError:
        """One stream, to its end: why it ended."""
        self._stream = stream = object()
        try:
            with self._transport.conversation(self._packs(stream)) as responses:
                for response in responses:
                    self._pause(self._answered(response))
        except GatewayError as error:
            return error
        return self._transport.calling.ended()

    def _answered(self, response: gateway_pb2.IngestResponse) -> float:
        """Take the receipts of a pack; how long to leave the gateway alone then."""
        with self._changed:
            pause = self._intake.answered(response)
            self._intake.paused = pause > 0
            self._changed.notify_all()
            return pause

    def _packs(self, stream: object) -> Iterator[gateway_pb2.IngestRequest]:
        """The packs of one stream, asked for by a thread of gRPC; they end with the stream, or with the ingest."""
        while (pack := self._next_pack(stream)) is not None:
            yield pack

    def _next_pack(self, stream: object) -> gateway_pb2.IngestRequest | None:
        with self._changed:
            more = self._await(lambda: self._intake.sendable or self._stream is not stream)
            return self._intake.next_pack() if more and self._stream is stream else None

    def _lost(self, error: GatewayError) -> float:
        with self._changed:
            self._stream = None
            pause = 0.0 if self._intake.stopped else self._intake.lost(error)
            self._changed.notify_all()
            return 0.0 if self._intake.stopped else pause

    def _pause(self, pause: float) -> None:
        """Leave the gateway alone for so many seconds."""
        if pause <= 0:
            return
        self._transport.sleep(pause)
        with self._changed:
            self._intake.paused = False
            self._changed.notify_all()
