"""Tests that await: pytest runs plain functions, so each gets an event loop of its own around it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine


def asynchronous[**P](test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def plain(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return plain
