"""Media get ready for a stage: bytes that lie elsewhere are fetched, and what has no format yet is recognised.

On threads of its own, before a call queues: who computes never waits for a network. A medium that cannot be had is an
outcome and fails no neighbour; the object store being away fails the call, since it is no verdict on any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

from mmpipe.adapters.fetch import FetchFailed, FetchRefused
from mmpipe.records import Failed, Media, Modality, Rejected
from mmpipe.stages.formats import recognise

type Fetch = Callable[[Media, Modality], Media]
"""As ``mmpipe.adapters.fetch.Fetcher``: media with their bytes and format."""

THREADS = 8
"""Fetches at once: enough to hide the latency of a store, few enough to leave its bandwidth to others."""
PLACE = "fetch"


class Readying:
    """Makes media ready. Raises StoreError where the object store is away."""

    def __init__(self, fetch: Fetch, threads: int = THREADS) -> None:
        self._fetch = fetch
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mmpipe-fetch")

    def close(self) -> None:
        """End the threads; a fetch under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __call__(self, media: Sequence[Media], modality: Modality) -> list[Media | Rejected | Failed]:
        """Each medium with bytes and format, or why there is none, in order."""
        fetched = {
            at: self._pool.submit(copy_context().run, self._fetched, each, modality)
            for at, each in enumerate(media)
            if each.reference
        }
        return [fetched[at].result() if at in fetched else _recognised(each, modality) for at, each in enumerate(media)]

    def _fetched(self, media: Media, modality: Modality) -> Media | Rejected | Failed:
        try:
            return self._fetch(media, modality)
        except FetchRefused as refused:
            return refused.verdict()
        except FetchFailed as failed:
            return Failed(PLACE, str(failed))


def _recognised(media: Media, modality: Modality) -> Media | Rejected:
    """The sender's word counts where it was given: it recognised the content, and a decoder refuses what differs."""
    if media.format:
        return media
    found = recognise(media.content, modality)
    return found if isinstance(found, Rejected) else replace(media, format=found.format)
