"""The bookkeeping of one ingest: which samples wait, which are in flight, which are answered. No I/O.

It only decides; ``ingest`` and ``aingest`` act on it, with threads and with tasks, and hold the lock.

::

    samples ──begin──▶ being prepared ──put──▶ waiting ──next_pack──▶ in flight ──answered──▶ done ──ready──▶ receipts
                            │                     ▲                       │                    ▲
                            └──refuse─────────────┼───lost, or "not now"──┘                    │
                                                  └──────────────────────────────── refuse ────┘

* Receipts come out in the order in which samples came in.
* What is held is bounded by count and by bytes, receipts that nobody has taken included: a slow gateway slows the
  source down, a slow caller slows the gateway down.
* A pack leaves when it is full, or when none is in flight (Nagle's rule, RFC 896): a fast source fills packs, a slow
  one waits for nobody, and no timer is needed.
* A pack that was lost is sent again as it was: the gateway knows samples by their id, or by their content.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mmpipe.client.answers import receipt_of
from mmpipe.client.errors import GatewayBug, GatewayError, TimedOut, TooLarge
from mmpipe.client.records import Receipt
from mmpipe.v1 import gateway_pb2, sample_pb2

PACK_SAMPLES = 1_024
PACK_BYTES = 3 * 1024 * 1024
"""What one IngestRequest may hold (gateway.proto)."""
PACKS_IN_FLIGHT = 4
HELD_SAMPLES = 2 * PACKS_IN_FLIGHT * PACK_SAMPLES
HELD_BYTES = 2 * PACKS_IN_FLIGHT * PACK_BYTES
"""Twice what is in flight, so that the next packs are ready when the first are answered."""

_FIRST_PACK = 128
_FAST_S, _SLOW_S = 0.25, 1.0
"""A pack answered sooner doubles the next ones, one answered later halves them: about so long is lost with a stream."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A sample on its way: its place in the input, and its message."""

    number: int
    sample: sample_pb2.Sample
    size_bytes: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """A pack on its way."""

    entries: tuple[Waiting, ...]
    sent_at: float


@dataclass(slots=True)
class PackSize:
    """How many samples the next pack may have: more while answers come fast, fewer where they do not."""

    samples: int = _FIRST_PACK

    def answered(self, seconds: float) -> None:
        """Learn from the time that a full pack took."""
        if seconds < _FAST_S:
            self.samples = min(PACK_SAMPLES, self.samples * 2)
        elif seconds > _SLOW_S:
            self.shrink()

    def shrink(self) -> None:
        """The gateway has enough to do."""
        self.samples = max(1, self.samples // 2)


@dataclass(slots=True)
class Intake:
    """See the head of this module.

    ``attempts`` bounds the tries without a single sample accepted in between, ``backoff`` says how long to wait after
    so many of them. ``fault`` is why it stopped, ``ending`` why no more samples came.
    """

    clock: Callable[[], float]
    attempts: int
    backoff: Callable[[int], float]
    size: PackSize = field(default_factory=PackSize)
    paused: bool = False
    closed: bool = False
    ended: bool = False
    fault: BaseException | None = None
    ending: BaseException | None = None
    stalls: int = 0
    _held: dict[int, int] = field(default_factory=dict)
    _held_bytes: int = 0
    _waiting: deque[Waiting] = field(default_factory=deque)
    _waiting_bytes: int = 0
    _in_flight: dict[int, InFlight] = field(default_factory=dict)
    _done: dict[int, Receipt] = field(default_factory=dict)
    _begun: int = 0
    _taken: int = 0
    _packs: int = 0

    @property
    def room(self) -> bool:
        """Whether another sample may be read; one always may."""
        few = self._begun - self._taken < HELD_SAMPLES and self._held_bytes < HELD_BYTES
        return few or self._begun == self._taken

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be done: all is answered, or the caller has gone, or there was a fault."""
        answered = self.ended and not self._held
        return answered or self.closed or self.fault is not None

    @property
    def sendable(self) -> bool:
        """Whether :meth:`next_pack` gives one."""
        if self.paused or self.stopped or not self._waiting or len(self._in_flight) >= PACKS_IN_FLIGHT:
            return False
        full = len(self._waiting) >= self.size.samples or self._waiting_bytes >= PACK_BYTES
        return full or not self._in_flight or self.ended

    def begin(self, size_bytes: int) -> int:
        """Take a sample's place in the order, and room for so many bytes."""
        number, self._begun = self._begun, self._begun + 1
        self._hold(number, size_bytes)
        return number

    def put(self, number: int, sample: sample_pb2.Sample) -> None:
        """Let it wait for its pack; what no pack can hold is refused here."""
        size_bytes = sample.ByteSize()
        if size_bytes > PACK_BYTES:
            self.refuse(number, sample.id, _too_large(size_bytes))
            return
        self._release(number)
        self._hold(number, size_bytes)
        self._waiting.append(Waiting(number, sample, size_bytes))
        self._waiting_bytes += size_bytes

    def refuse(self, number: int, sample_id: str, error: GatewayError) -> None:
        """Answer a sample that never gets to the gateway."""
        self._answer(number, Receipt(sample_id, error=error))

    def end(self, why: BaseException | None = None) -> None:
        """No more samples come; those that did are still answered."""
        self.ended, self.ending = True, why

    def fail(self, fault: BaseException) -> None:
        """Stop with this fault, the first one of them."""
        self.fault = self.fault or fault

    def next_pack(self) -> gateway_pb2.IngestRequest:
        """The pack to send, where :attr:`sendable` says that there is one."""
        entries = tuple(self._next_entries())
        self._packs += 1
        self._in_flight[self._packs] = InFlight(entries, self.clock())
        return gateway_pb2.IngestRequest(pack=self._packs, samples=[entry.sample for entry in entries])

    def answered(self, response: gateway_pb2.IngestResponse) -> float:
        """Take the receipts of a pack; how many seconds to pause, where some have to be sent again."""
        pack = self._in_flight.pop(response.pack, None)
        if pack is None or len(pack.entries) != len(response.receipts):
            found = f"{len(response.receipts)} receipts for pack {response.pack}"
            raise GatewayBug(f"Ingest: found {found}; expected one for each sample of a pack that was sent; report it")
        again: dict[Waiting, GatewayError] = {}
        for entry, message in zip(pack.entries, response.receipts, strict=True):
            receipt = receipt_of(message)
            if receipt.error is not None and receipt.error.transient and not self.exhausted:
                again[entry] = receipt.error
            else:
                self._settle(entry, receipt)
        self._again(again)
        self._learn(pack, refused=bool(again))
        return max(map(self.pause_s, again.values()), default=0.0)

    def lost(self, error: GatewayError) -> float:
        """The stream is gone: what was in flight on it goes first on the next one, after so many seconds."""
        entries = [entry for pack in self._in_flight.values() for entry in pack.entries]
        self._in_flight.clear()
        self._again(entries)
        self.stalls += 1
        if self.exhausted or not (error.transient or isinstance(error, TimedOut)):
            self.fail(error)
        return self.pause_s(error)

    def pause_s(self, error: GatewayError) -> float:
        """How long to leave the gateway alone: as long as it asks for, else by the backoff."""
        return self.backoff(self.stalls) if error.retry_after_s is None else error.retry_after_s

    @property
    def has_ready(self) -> bool:
        """Whether :meth:`ready` gives any."""
        return self._taken in self._done

    def ready(self) -> list[Receipt]:
        """The receipts that are next in order."""
        receipts: list[Receipt] = []
        while self._taken in self._done:
            receipts.append(self._done.pop(self._taken))
            self._taken += 1
        return receipts

    @property
    def exhausted(self) -> bool:
        """Whether it was tried often enough without a sample accepted."""
        return self.stalls >= self.attempts

    def _next_entries(self) -> list[Waiting]:
        entries: list[Waiting] = []
        size_bytes = 0
        while self._waiting and len(entries) < self.size.samples:
            size_bytes += self._waiting[0].size_bytes
            if entries and size_bytes > PACK_BYTES:
                break
            entries.append(self._waiting.popleft())
        self._waiting_bytes -= sum(entry.size_bytes for entry in entries)
        return entries

    def _settle(self, entry: Waiting, receipt: Receipt) -> None:
        self._answer(entry.number, receipt)
        if receipt.accepted:
            self.stalls = 0

    def _learn(self, pack: InFlight, *, refused: bool) -> None:
        if refused:
            self.stalls += 1
            self.size.shrink()
        elif len(pack.entries) >= self.size.samples:
            self.size.answered(self.clock() - pack.sent_at)

    def _again(self, entries: Iterable[Waiting]) -> None:
        """In the order of the input, before what was not sent yet."""
        self._waiting = deque(sorted([*entries, *self._waiting], key=lambda entry: entry.number))
        self._waiting_bytes = sum(entry.size_bytes for entry in self._waiting)

    def _answer(self, number: int, receipt: Receipt) -> None:
        self._release(number)
        self._done[number] = receipt

    def _hold(self, number: int, size_bytes: int) -> None:
        self._held[number] = size_bytes
        self._held_bytes += size_bytes

    def _release(self, number: int) -> None:
        self._held_bytes -= self._held.pop(number)


def _too_large(size_bytes: int) -> TooLarge:
    found = f"{size_bytes} bytes beside the media that were uploaded"
    return TooLarge(
        f"sample: found {found}; expected at most {PACK_BYTES}; shorten its attributes, or split it", reason="TOO_LARGE"
    )
