"""What every queue promises; ``tests/contract/test_queue.py`` asks each of them.

The promises
------------
* :meth:`Queue.publish` returns when the message is durable. An id that was published within ``DUPLICATE_WINDOW_S``
  before is not stored again, acknowledged or not, so the id must name the content as well as the sample.
* A lane holds the samples with one set of modalities. Lanes don't wait for each other, and within one the order is
  roughly first in, first out (a retry goes to the back of its delay).
* A delivered message is leased for ``lease_s``. Unless it is acknowledged or extended by then, it is delivered again,
  with the next attempt: at-least-once. Two consumers of a lane never hold one lease.
* What is delivered counts as depth until it is acknowledged: waiting + in flight, the signal to scale by.
* A full queue refuses; it never drops.

Neighbours: the gateway publishes, workers pull. Who may give up on a sample is the worker; a queue never does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mmpipe.adapters.queue.envelope import Envelope
from mmpipe.records import Modality

type Lane = str
"""The modalities of a sample's parts, each once, in the order of ``Modality``: `text-image`."""

UNKNOWN: Lane = "unknown"
"""The lane of samples of which no part was recognised: they go to quarantine, and that is work too."""
DUPLICATE_WINDOW_S = 120.0
"""Outlasts a client that tries again for its whole deadline (60 s by default)."""


def lane_of(modalities: Iterable[Modality]) -> Lane:
    """The lane of a sample with parts of these modalities."""
    present = set(modalities)
    return "-".join(modality for modality in Modality if modality in present) or UNKNOWN


def modalities_of(lane: Lane) -> tuple[Modality, ...]:
    """The other way; none for ``UNKNOWN``."""
    names = lane.split("-")
    return tuple(modality for modality in Modality if modality in names)


def depth_of(lanes: dict[Lane, int]) -> dict[Modality, int]:
    """Messages that hold each modality, 0 included: an absent number reads like a failed reading."""
    return {
        modality: sum(count for lane, count in lanes.items() if modality in modalities_of(lane))
        for modality in Modality
    }


@dataclass(frozen=True, slots=True)
class Published:
    """The durable acknowledgement. ``duplicate``: the id was known, nothing was stored."""

    duplicate: bool


class Delivery(Protocol):
    """One message under lease. Its methods raise no StoreError: what does not get through ends in another delivery."""

    @property
    def envelope(self) -> Envelope:
        """What was published."""
        ...

    @property
    def lane(self) -> Lane:
        """Where."""
        ...

    @property
    def attempt(self) -> int:
        """1 at first. After a crash of the queue's server it may start anew, so it is a lower bound."""
        ...

    async def ack(self) -> bool:
        """Done: never deliver it again. Also right when the lease was lost meanwhile.

        Returns whether the queue has confirmed; if not, it is logged, and the sample comes again, to the same effect.
        """
        ...

    async def retry(self, after_s: float) -> None:
        """Not now: give the lease back, and deliver again no sooner than that."""
        ...

    async def extend(self) -> None:
        """Still at it: the lease starts anew."""
        ...


class Queue(Protocol):
    """Durable messages between gateway and workers."""

    @property
    def lease_s(self) -> float:
        """How long a delivery is left alone; extend it well before, say every third of it."""
        ...

    async def publish(self, envelope: Envelope, lane: Lane, dedupe_id: str) -> Published:
        """Store durably. Raises QueueFull, QueueUnreachable or EnvelopeTooLarge."""
        ...

    async def pull(self, lane: Lane, count: int, wait_s: float) -> list[Delivery]:
        """Up to ``count`` messages, as soon as there is one; none if there is none for ``wait_s``.

        Raises QueueUnreachable.
        """
        ...

    async def lanes(self) -> dict[Lane, int]:
        """Messages waiting + in flight of every lane that has any. Raises QueueUnreachable."""
        ...

    async def depth(self) -> dict[Modality, int]:
        """The same for every modality; a sample counts for each of its modalities. Raises QueueUnreachable."""
        ...

    async def oldest_age_s(self) -> float | None:
        """How long ago the oldest message that is still there was published. Raises QueueUnreachable."""
        ...

    async def close(self) -> None:
        """Leases stay until they run out."""
        ...
