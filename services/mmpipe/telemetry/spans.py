"""Tracing: ``span`` around a block, ``begin`` where the end comes elsewhere, ``past`` for what is over.

Kind and title come from the catalogue. Before ``setup`` all of them do nothing, and ``traceparent`` is empty.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Self

from mmpipe.errors import MmpipeError
from mmpipe.telemetry.catalogue import SPANS, Scalar
from mmpipe.telemetry.catalogue import Span as Entry
from mmpipe.telemetry.catalogue.model import complaint
from mmpipe.telemetry.state import STATE, Place, Span

_TRACE_ID = slice(3, 35)
"""Where it stands in a W3C ``traceparent``: version-trace-span-flags."""


def span(
    name: str, /, *, parent: str = "", links: Sequence[str] = (), root: bool = False, **attributes: Scalar
) -> AbstractContextManager[Span]:
    """A span around a block. An exception that leaves the block is the span's error; a cancellation is none.

    ``parent`` and ``links`` are W3C ``traceparent`` strings; what is empty or malformed is passed over. Without a
    parent the span is below the current one, or with ``root`` the first of a new trace.
    """
    if STATE.tracer is None and not STATE.strict:
        return _OFF
    return _around(begin(name, parent=parent, links=links, root=root, **attributes))


def begin(
    name: str, /, *, parent: str = "", links: Sequence[str] = (), root: bool = False, **attributes: Scalar
) -> Span:
    """A span that lasts until its ``end()``, for work that ends in a callback. It is current only where it says so."""
    entry, keyed = _entry(name, attributes)
    if STATE.tracer is None or entry is None:
        return _Off(entry)
    return _Checked(entry, STATE.tracer.begin(entry, Place(parent, links, root), keyed))


def past(name: str, begun_ns: int, ended_ns: int, /, *, parent: str = "", **attributes: Scalar) -> None:
    """A span that is over, in nanoseconds since 1970: for work shared by several traces, or done in another thread."""
    if STATE.tracer is None and not STATE.strict:
        return
    entry, keyed = _entry(name, attributes)
    if STATE.tracer is not None and entry is not None:
        STATE.tracer.past(entry, Place(parent), (begun_ns, ended_ns), keyed)


def traceparent() -> str:
    """W3C trace context of the current span; empty without one."""
    return "" if STATE.tracer is None else STATE.tracer.traceparent()


def trace_id() -> str:
    """The current trace as 32 hexadecimal digits; empty without one."""
    return traceparent()[_TRACE_ID]


@contextmanager
def _around(begun: Span) -> Iterator[Span]:
    try:
        with begun.current():
            yield begun
    except CancelledError:
        raise
    except Exception as error:
        begun.fail(type(error).__qualname__, _public(error))
        raise
    finally:
        begun.end()


def _public(error: Exception) -> str:
    """What an exception may say in a trace: our own messages are public, those of libraries can quote a payload."""
    return str(error) if isinstance(error, MmpipeError) else ""


def _entry(name: str, attributes: Mapping[str, Scalar]) -> tuple[Entry | None, dict[str, Scalar]]:
    entry = SPANS.get(name)
    if entry is None:
        STATE.complain(name, f"{name}: found no such span; expected one of the catalogue; add it there")
        return None, {}
    return entry, _keyed(entry, attributes, whole=True)


def _keyed(entry: Entry, attributes: Mapping[str, Scalar], *, whole: bool) -> dict[str, Scalar]:
    """The attributes by their full keys, without those that the catalogue does not have."""
    if wrong := complaint(entry, attributes, whole=whole and STATE.strict):
        STATE.complain(entry.name, wrong)
    return {entry.keys[argument]: value for argument, value in attributes.items() if argument in entry.keys}


@dataclass(frozen=True, slots=True)
class _Checked:
    """A span of the SDK, whose later attributes are the catalogue's too."""

    entry: Entry
    span: Span

    @property
    def traceparent(self) -> str:
        return self.span.traceparent

    def set(self, **attributes: Scalar) -> None:
        self.span.set(**_keyed(self.entry, attributes, whole=False))

    def fail(self, error_type: str, message: str = "") -> None:
        self.span.fail(error_type, message)

    def current(self) -> AbstractContextManager[None]:
        return self.span.current()

    def end(self) -> None:
        self.span.end()


@dataclass(frozen=True, slots=True)
class _Off:
    """A span while telemetry is off: a context manager too, so that ``span`` costs one call."""

    entry: Entry | None
    traceparent: str = ""

    def set(self, **attributes: Scalar) -> None:
        if STATE.strict and self.entry is not None:
            _keyed(self.entry, attributes, whole=False)

    def fail(self, error_type: str, message: str = "") -> None:
        """Nothing to mark."""

    def current(self) -> AbstractContextManager[None]:
        return nullcontext()

    def end(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Let everything pass."""


_OFF = _Off(None)
