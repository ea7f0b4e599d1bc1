"""Why a call is not answered with outcomes. Each becomes a status in ``servicers``.

::

    MmpipeError
    └── CallError
        ├── QueueFull       too much waits already; ``retry_after_s`` says when that will have changed
        ├── Stopping        the process ends; another replica may answer
        ├── Abandoned       the caller has gone, or its deadline has passed: nobody reads the answer
        └── NotHere         a modality or stage that this process does not have
"""

from __future__ import annotations

from mmpipe.errors import MmpipeError


class CallError(MmpipeError):
    """A call that gets a status instead of outcomes."""


class QueueFull(CallError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """Too much waits already."""

    def __init__(self, waiting: int, retry_after_s: float) -> None:
        remedy = f"try again in {retry_after_s:.2f} s, or add replicas"
        super().__init__(f"queue: found {waiting} items waiting; expected room for this call; {remedy}")
        self.retry_after_s = retry_after_s


class Stopping(CallError):  # noqa: N818  # as above
    """The process takes no new calls."""

    def __init__(self) -> None:
        super().__init__("stage server: found it stopping; expected it to serve; ask another replica")


class Abandoned(CallError):  # noqa: N818  # as above
    """Nobody waits for the answer."""

    def __init__(self) -> None:
        super().__init__("call: found it cancelled or past its deadline; expected a caller; nothing was computed")


class NotHere(CallError):  # noqa: N818  # as above
    """A modality or stage that this process does not have."""

    def __init__(self, asked: str, served: str) -> None:
        super().__init__(f"stage server: found a call for {asked}; expected {served}; ask the service that has it")
