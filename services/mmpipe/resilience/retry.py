"""Another try: tenacity with full jitter, a budget, the server's own wish, and the deadline.

One layer for each hop (DESIGN 5). The caller says which errors are worth it (``retry_if``) and what the server asked
for (``pushback``); what is tried again must have the same effect twice. An attempt is not made where

* the error is permanent, or no attempts are left (``reliability.retry.attempts``);
* the pause before it would outlast the deadline (``mmpipe.resilience.deadline``): the error comes at once instead;
* the budget is spent.

The last error is raised as it is, never tenacity's RetryError. ``retrying(...)(function, *arguments)`` makes a call,
``await async_retrying(...)(function, *arguments)`` one of an ``async def``; a policy is new for each call, since it
carries the call's statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from mmpipe.resilience import deadline
from mmpipe.resilience.budget import Budget
from mmpipe.spec.delivery import Retry

type RetryIf = Callable[[Exception], bool]
"""Whether an error may be gone at the next attempt."""

type Pushback = Callable[[Exception], float | None]
"""The pause in seconds that an error asks for, None where it asks for none."""

type OnRetry = Callable[[RetryCallState], None]
"""Told before each pause; ``attempt_number`` and ``upcoming_sleep`` are what one logs."""


def retrying(
    options: Retry,
    budget: Budget,
    retry_if: RetryIf,
    pushback: Pushback | None = None,
    on_retry: OnRetry | None = None,
) -> Retrying:
    """The policy of one call, for threads."""
    return Retrying(**_policy(options, budget, retry_if, pushback, on_retry))


def async_retrying(
    options: Retry,
    budget: Budget,
    retry_if: RetryIf,
    pushback: Pushback | None = None,
    on_retry: OnRetry | None = None,
) -> AsyncRetrying:
    """The policy of one call, for coroutines."""
    return AsyncRetrying(**_policy(options, budget, retry_if, pushback, on_retry))


def _policy(
    options: Retry, budget: Budget, retry_if: RetryIf, pushback: Pushback | None, on_retry: OnRetry | None
) -> dict[str, Any]:
    """What tenacity is given."""
    return {
        "before": _paying_into(budget),
        "retry": retry_if_exception(lambda error: isinstance(error, Exception) and retry_if(error)),
        "wait": _pauses(options, pushback),
        "stop": _ends(options, budget),
        "before_sleep": on_retry,
        "reraise": True,
    }


def _paying_into(budget: Budget) -> Callable[[RetryCallState], None]:
    def before(call: RetryCallState) -> None:
        if call.attempt_number == 1:
            budget.called()

    return before


def _pauses(options: Retry, pushback: Pushback | None) -> Callable[[RetryCallState], float]:
    """As long as the server asks for; else drawn from [0, min(max, initial * 2^(attempt - 1))] (AWS, 2015)."""
    drawn = wait_random_exponential(options.initial_backoff_seconds, options.max_backoff_seconds)

    def pause_s(call: RetryCallState) -> float:
        error = call.outcome.exception() if call.outcome else None
        asked = pushback(error) if pushback and isinstance(error, Exception) else None
        return drawn(call) if asked is None else asked

    return pause_s


def _ends(options: Retry, budget: Budget) -> Callable[[RetryCallState], bool]:
    """The budget comes last: it is asked only where a retry would be made."""
    enough = stop_after_attempt(options.attempts)
    return lambda call: enough(call) or _too_late(call) or not budget.spend()


def _too_late(call: RetryCallState) -> bool:
    """Whether the next attempt would begin after the deadline."""
    left = deadline.remaining()
    return left is not None and call.upcoming_sleep >= left
