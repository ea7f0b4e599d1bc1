"""What can be wrong with a message, and the checks that several records share."""

from __future__ import annotations

from mmpipe.errors import MmpipeError

_SHOWN_CHARACTERS = 60


class WireError(MmpipeError):
    """A message says what cannot be meant. ``field`` is the path of the field, such as ``items[3].media.format``."""

    def __init__(self, field: str, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{field}: found {found}; expected {expected}; {remedy}")
        self.field = field


def within(field: str, name: str) -> str:
    """The path of a field of the message at ``field``; the path of the outermost message is empty."""
    return f"{field}.{name}" if field else name


def shown(text: str) -> str:
    """A text as it may stand in a message, however long it is."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


def checked_text(text: str, field: str) -> str:
    """A text that must not be empty."""
    if not text:
        raise WireError(field, "nothing", "a text", "fill it in")
    return text


def checked_share(value: float, field: str) -> float:
    """A number in [0, 1]; NaN is none."""
    if not 0 <= value <= 1:
        raise WireError(field, str(value), "a number from 0 to 1", "send what was measured, or leave it out")
    return value
