"""Measuring: ``count``, ``record``, ``timed`` and ``observe``, by the names of the catalogue.

Before ``setup`` a call does nothing. A name, an attribute or a value that the catalogue does not have is a bug of the
caller: it raises in tests, and is logged once by a service.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import iscoroutinefunction
from typing import cast

from mmpipe.telemetry.awaited import awaited
from mmpipe.telemetry.catalogue import METRICS, Metric, MetricKind, Scalar
from mmpipe.telemetry.catalogue.model import complaint
from mmpipe.telemetry.state import STATE, Observer, Reading

type AwaitedObserver = Callable[[], Coroutine[object, object, Iterable[Reading]]]

_UNTIMED = nullcontext()
_COUNTERS = frozenset({MetricKind.COUNTER, MetricKind.UP_DOWN_COUNTER})
_HISTOGRAMS = frozenset({MetricKind.HISTOGRAM})
_GAUGES = frozenset({MetricKind.OBSERVABLE_GAUGE})


def count(name: str, value: float = 1, /, **attributes: Scalar) -> None:
    """Add to a counter; an up-down counter takes negative values too."""
    if STATE.meter is not None or STATE.strict:
        _measure(_COUNTERS, name, value, attributes)


def record(name: str, value: float, /, **attributes: Scalar) -> None:
    """One value of a histogram, in the unit that the catalogue says."""
    if STATE.meter is not None or STATE.strict:
        _measure(_HISTOGRAMS, name, value, attributes)


def timed(name: str, /, **attributes: Scalar) -> AbstractContextManager[None]:
    """The seconds of the block as one value of a histogram, also where it raises."""
    return _timed(name, attributes) if STATE.meter is not None or STATE.strict else _UNTIMED


def observe(name: str, read: Observer | AwaitedObserver, /) -> Callable[[], None]:
    """Ask ``read`` for the values of a gauge at each scrape, until the returned function is called.

    A reading is a value with its attributes. What is not read is absent from the scrape, never 0. A coroutine function
    runs on the event loop that calls ``observe``, for at most two seconds.
    """
    if _entry(_GAUGES, name) is None:
        return _nothing
    observers = STATE.observers.setdefault(name, [])
    observer = awaited(read) if iscoroutinefunction(read) else cast("Observer", read)
    observers.append(observer)
    return lambda: observers.remove(observer)


def readings(metric: Metric) -> Iterator[Reading]:
    """What the observers of a gauge say now, with the attributes' full keys."""
    for observer in tuple(STATE.observers.get(metric.name, ())):
        for value, attributes in observer():
            keyed = _keyed(metric, attributes)
            if keyed is not None:
                yield value, keyed


@contextmanager
def _timed(name: str, attributes: Mapping[str, Scalar]) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        record(name, time.perf_counter() - begun, **attributes)


def _measure(kinds: frozenset[MetricKind], name: str, value: float, attributes: Mapping[str, Scalar]) -> None:
    metric = _entry(kinds, name)
    keyed = _keyed(metric, attributes) if metric is not None else None
    if metric is not None and keyed is not None and STATE.meter is not None:
        STATE.meter.measure(metric, value, keyed)


def _entry(kinds: frozenset[MetricKind], name: str) -> Metric | None:
    metric = METRICS.get(name)
    if metric is not None and metric.kind in kinds:
        return metric
    found = f"a {metric.kind}" if metric else "no such metric"
    STATE.complain(
        name, f"{name}: found {found}; expected a {' or '.join(sorted(kinds))} of the catalogue; add it there"
    )
    return None


def _keyed(metric: Metric, attributes: Mapping[str, Scalar]) -> dict[str, Scalar] | None:
    """The attributes by their full keys; None where they are not the catalogue's."""
    if STATE.strict and (wrong := complaint(metric, attributes)):
        STATE.complain(metric.name, wrong)
    try:
        return {metric.keys[argument]: value for argument, value in attributes.items()}
    except KeyError:
        STATE.complain(metric.name, complaint(metric, attributes))
        return None


def _nothing() -> None:
    """Stop what was never begun."""
