"""Whether the adapter should be asked: every thing that it needs, and why it lacks those that it lacks."""

from __future__ import annotations

_NOT_YET = "not there yet"


class Readiness:
    """What is lacked, by the name of the need."""

    def __init__(self, *needs: str) -> None:
        """All of these are lacked at first."""
        self._lacked = dict.fromkeys(needs, _NOT_YET)

    def tell(self, need: str, problem: str = "") -> None:
        """A need is met, or is lacked for this reason."""
        self._lacked[need] = problem

    def unready(self) -> str:
        """Why it should not be asked; empty where it should."""
        return "; ".join(f"{need}: {problem}" for need, problem in self._lacked.items() if problem)
