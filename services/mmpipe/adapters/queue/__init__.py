"""The durable queue between gateway and worker: what it promises, what travels in it, and two that keep the promises.

Neighbours: ``jetstream`` is the queue of the services and is imported by its own name, since it needs nats-py;
``memory`` is for tests. ``server`` has the settings that a NATS server must run with. Nothing in here looks into a
sample beyond the size of its media.
"""

from mmpipe.adapters.queue.envelope import CLAIM_CHECK_BYTES, Envelope, claim_check
from mmpipe.adapters.queue.errors import EnvelopeTooLarge, QueueFull, QueueUnreachable
from mmpipe.adapters.queue.memory import MemoryQueue
from mmpipe.adapters.queue.protocol import (
    DUPLICATE_WINDOW_S,
    UNKNOWN,
    Delivery,
    Lane,
    Published,
    Queue,
    depth_of,
    lane_of,
    modalities_of,
)

__all__ = [
    "CLAIM_CHECK_BYTES",
    "DUPLICATE_WINDOW_S",
    "UNKNOWN",
    "Delivery",
    "Envelope",
    "EnvelopeTooLarge",
    "Lane",
    "MemoryQueue",
    "Published",
    "Queue",
    "QueueFull",
    "QueueUnreachable",
    "claim_check",
    "depth_of",
    "lane_of",
    "modalities_of",
]
