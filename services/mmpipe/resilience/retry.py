"""placeholder by LEAD until RESILIENCE writes it"""
from __future__ import annotations
from typing import Any
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential
def retrying(options: Any, budget: Any, *, retry_if: Any, pushback: Any = None) -> AsyncRetrying:
    return AsyncRetrying(stop=stop_after_attempt(options.attempts), wait=wait_random_exponential(options.initial_backoff_seconds, options.max_backoff_seconds), retry=retry_if_exception(retry_if), reraise=True)
