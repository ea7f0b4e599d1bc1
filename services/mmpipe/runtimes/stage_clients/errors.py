"""What can become of a call to a stage service, as those decide who made it.

::

    MmpipeError
    └── StageError             the call has no answer; ``dependency`` names the service
        ├── StageUnavailable   it may have one later: down, full, too slow, its breaker open
        └── StageRefused       it never will: the service does not take such a request

What is wrong with a single item is no error but its outcome.
"""

from __future__ import annotations

from mmpipe.errors import MmpipeError


class StageError(MmpipeError):
    """The call has no answer; the message says what was found, what was expected and what to do."""

    exit_code = 3

    def __init__(self, dependency: str, found: str, expected: str, remedy: str) -> None:
        self.dependency = dependency
        super().__init__(f"{dependency}: found {found}; expected {expected}; {remedy}")


class StageUnavailable(StageError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """Another try may be answered.

    ``reached`` says whether a server had the request: if it then died of it, the request may be the cause.
    ``retry_after_s`` is when to try again, where somebody said so.
    """

    def __init__(self, dependency: str, found: str, *, reached: bool, retry_after_s: float | None = None) -> None:
        self.reached, self.retry_after_s = reached, retry_after_s
        super().__init__(dependency, found, "an answer", "see that the service runs and keeps up")


class StageRefused(StageError):  # noqa: N818  # as above
    """Another try would get the same answer."""
