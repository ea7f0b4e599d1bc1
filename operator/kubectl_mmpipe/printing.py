"""The console that trees and tables go to: as wide as the terminal, and wide enough for messages in a pipe."""

from __future__ import annotations

from rich.console import Console

_PIPED_WIDTH = 240


def console() -> Console:
    """Standard output."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(width=_PIPED_WIDTH, highlight=False)
