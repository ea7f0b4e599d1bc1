"""What a process says at ``/metrics``, read back: Prometheus' text format (version 0.0.4). Pure.

For who looks at pods one by one, rather than at Prometheus: an autoscaler's answer must not wait for a scrape, and a
cluster need not have Prometheus. The parser of ``prometheus_client`` is not used: the kubectl plugin goes without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+-?\d+)?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a metric with its labels, and its value."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str) -> Iterator[Sample]:
    """Every sample, comments left out. Raises ValueError naming a line that is none, as of half an answer."""
    for line in text.split("\n"):  # never splitlines: a label may hold what ends a line elsewhere
        if line.strip() and not line.startswith("#"):
            yield _sample(line)


def total(found: Iterable[Sample], name: str, **labels: str) -> float | None:
    """The sum of a metric's samples that have these labels; None where there is none, which is not 0."""
    values = [each.value for each in found if each.name == name and labels.items() <= each.labels.items()]
    return sum(values) if values else None


def _sample(line: str) -> Sample:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"found {line[:80]!r} among the metrics, expected a name, labels and a value")
    labels = {name: _unescaped(value) for name, value in _LABEL.findall(found["labels"] or "")}
    return Sample(found["name"], labels, float(found["value"]))


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda escape: _ESCAPED.get(escape[0], escape[0]), value)
