"""The one place that remembers: what is switched on, who is asked for gauges, whether the catalogue is strict.

``setup`` and ``testing`` switch, ``metrics`` and ``spans`` read. The protocols are what ``sdk`` implements.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from mmpipe.telemetry.catalogue import Metric, NotInCatalogueError, Scalar
from mmpipe.telemetry.catalogue import Span as Entry

type Reading = tuple[float, Mapping[str, Scalar]]
type Observer = Callable[[], Iterable[Reading]]

_logger = logging.getLogger(__name__)


class Span(Protocol):
    """A span that has begun."""

    @property
    def traceparent(self) -> str:
        """W3C trace context of this span, for whoever continues the trace; empty when telemetry is off."""
        ...

    def set(self, **attributes: Scalar) -> None:
        """Attributes that are known only now."""
        ...

    def fail(self, error_type: str, message: str = "") -> None:
        """The work went wrong: a low-cardinality word, and what may be said in public."""
        ...

    def current(self) -> AbstractContextManager[None]:
        """The spans of the block are below this one."""
        ...

    def end(self) -> None:
        """The work is done."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span belongs: below ``parent``, or below the current span where that is empty; ``root`` is below none."""

    parent: str = ""
    links: Sequence[str] = ()
    root: bool = False


class Meter(Protocol):
    """Takes what is measured."""

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, Scalar]) -> None:
        """One value, with the attributes' full keys."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def begin(self, entry: Entry, place: Place, attributes: Mapping[str, Scalar]) -> Span:
        """A span that has begun now, with the attributes' full keys."""
        ...

    def past(self, entry: Entry, place: Place, period_ns: tuple[int, int], attributes: Mapping[str, Scalar]) -> None:
        """A span that has begun and ended."""
        ...

    def traceparent(self) -> str:
        """Of the current span; empty without one."""
        ...


@dataclass(slots=True)
class State:
    """``strict`` makes a call that the catalogue does not know raise, as in tests; otherwise it is logged once."""

    meter: Meter | None = None
    tracer: Tracer | None = None
    strict: bool = os.environ.get("MMPIPE_TELEMETRY_STRICT") == "1"
    observers: dict[str, list[Observer]] = field(default_factory=dict)
    complained: set[str] = field(default_factory=set)

    def complain(self, name: str, sentence: str) -> None:
        """The caller has a bug. Strict, it is raised; a service in production goes on without the measurement."""
        if self.strict:
            raise NotInCatalogueError(sentence)
        if name not in self.complained:
            self.complained.add(name)
            _logger.error("%s", sentence)


STATE = State()
