"""What can go wrong with the queue, in the tree of ``adapters.errors``.

::

    StoreError
    ├── StoreUnreachable
    │   └── QueueUnreachable    no answer in time: what was published may or may not be there, publish it again
    ├── QueueFull               the queue refuses more until workers have caught up
    └── StoreRefused
        └── EnvelopeTooLarge    the sample never fits, not even without its media
"""

from __future__ import annotations

from mmpipe.adapters.errors import StoreError, StoreRefused, StoreUnreachable


class QueueUnreachable(StoreUnreachable):
    """The queue did not answer in time. The same ``dedupe_id`` makes another try safe."""


class QueueFull(StoreError):  # noqa: N818  # as in adapters.errors
    """The queue holds as much as it may."""

    def __init__(self, queue: str, found: str) -> None:
        remedy = "try again when workers have caught up; more workers, or more max_bytes, let it hold more"
        super().__init__(queue, found, "room for one more sample", remedy)


class EnvelopeTooLarge(StoreRefused):
    """One message of the queue can't hold the sample."""

    def __init__(self, queue: str, size: int, limit: int) -> None:
        found, expected = f"a sample of {size:,} bytes without its media", f"at most {limit:,}"
        super().__init__(queue, found, expected, "send fewer or smaller attributes and facts")
