"""What an entry of the catalogue says, and what a call must say to fit it.

The tables are ``metrics`` and ``spans`` beside it. Nothing here measures or exports anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

type Scalar = str | int | float | bool

_PROMETHEUS_UNITS = {"s": "_seconds", "By": "_bytes"}


class NotInCatalogueError(LookupError):
    """A bug of the caller: the code measures what the catalogue does not know, or otherwise than it says."""


class MetricKind(StrEnum):
    """OpenTelemetry's instruments, as far as they are used."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    HISTOGRAM = "histogram"
    OBSERVABLE_GAUGE = "observable gauge"


class SpanKind(StrEnum):
    """Who waits for whom across processes."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A label of a metric or an attribute of a span.

    ``values`` is the closed set that it may have; empty, the meaning says what bounds it. An ``optional`` one may be
    left out; on a span, it may also be set later.
    """

    key: str
    meaning: str
    values: tuple[str, ...] = ()
    optional: bool = False

    @property
    def argument(self) -> str:
        """How Python callers name it: ``rpc.method`` is ``rpc_method``, ``mmpipe.sample_id`` is ``sample_id``."""
        return self.key.removeprefix("mmpipe.").replace(".", "_")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``boundaries`` are the upper bounds of a histogram's buckets."""

    name: str
    kind: MetricKind
    unit: str
    description: str
    attributes: tuple[Attribute, ...] = ()
    boundaries: tuple[float, ...] = ()
    keys: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {each.argument: each.key for each in self.attributes})

    @property
    def prometheus(self) -> str:
        """Its name for Prometheus (a histogram's family), by the compatibility specification of OpenTelemetry."""
        name, unit = self.name.replace(".", "_"), _PROMETHEUS_UNITS.get(self.unit, "")
        total = "_total" if self.kind is MetricKind.COUNTER else ""
        return name.removesuffix(unit) + unit + total


@dataclass(frozen=True, slots=True)
class Span:
    """One kind of span. In a trace it is called by its name, or by the value of the attribute ``titled_by``."""

    name: str
    kind: SpanKind
    description: str
    parent: str
    attributes: tuple[Attribute, ...] = ()
    titled_by: str = ""
    keys: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {each.argument: each.key for each in self.attributes})


def complaint(entry: Metric | Span, given: Mapping[str, object], *, whole: bool = True) -> str:
    """What is wrong with the attributes of a call, as a sentence; empty where nothing is.

    ``whole`` asks for every attribute that is not optional.
    """
    asked = {each.argument for each in entry.attributes if not each.optional} if whole else set()
    if given.keys() - entry.keys.keys() or asked - given.keys():
        found = ", ".join(sorted(given)) or "none"
        expected = ", ".join(sorted(entry.keys)) or "none"
        return f"{entry.name}: found the attributes {found}; expected {expected}; change the call or the catalogue"
    return "".join(
        _outside(entry.name, each, given[each.argument]) for each in entry.attributes if _closed(each, given)
    )


def _closed(attribute: Attribute, given: Mapping[str, object]) -> bool:
    return bool(attribute.values) and attribute.argument in given


def _outside(name: str, attribute: Attribute, value: object) -> str:
    if value in attribute.values:
        return ""
    expected = ", ".join(attribute.values)
    return f"{name}: found {attribute.key}={value!r}; expected one of {expected}; change the call or the catalogue"
