"""The stores as a gateway asks them: opened when first needed, each in threads of its own, with an end to waiting.

A gateway starts and accepts samples while a store is down, so none is opened before its first question. Threads are
kept apart by store (bulkheads: Nygard, "Release It!", 2018): metadata that hang never hold up a search. What is asked
is the caller's business; nothing here knows a table.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mmpipe.runtimes.gateway.dependencies import Dependency

_THREADS = 8


class Store[S]:
    """One store."""

    def __init__(self, dependency: Dependency, opening: Callable[[], S]) -> None:
        """``opening`` is called in a thread at the first question, and again at the next one where it raises."""
        self._dependency = dependency
        self._opening = opening
        self._lock = threading.Lock()
        self._opened: S | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"mmpipe-{dependency.name}")

    async def ask[T](self, question: Callable[[S], T]) -> T:
        """The answer of the store. Raises Refusal DEPENDENCY_DOWN where it has none, or none in time."""
        context = contextvars.copy_context()
        async with self._dependency.asked():
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, context.run, self.answer, question)

    def answer[T](self, question: Callable[[S], T]) -> T:
        """The same in the calling thread, with the errors of the adapter as they are."""
        return question(self.opened())

    def opened(self) -> S:
        """The store itself, for the calling thread. Raises what opening raises."""
        with self._lock:
            if self._opened is None:
                self._opened = self._opening()
            return self._opened

    def close(self, closing: Callable[[S], None]) -> None:
        """Let go of it, where it was opened, and of the threads that are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._opened is not None:
            closing(self._opened)
