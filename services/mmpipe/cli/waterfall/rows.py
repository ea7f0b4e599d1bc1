"""What stands in which row: every span below its parent, siblings by their beginning, waits in the queue between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmpipe.cli.waterfall.recorded import Recorded

_PACKAGES = ("mmpipe.v1.", "mmpipe.")
_TELLING = ("mmpipe.stage", "mmpipe.modality", "mmpipe.lane", "mmpipe.scheme", "db.operation.name")
"""Attributes that say which of several alike a span is."""
_COUNTS = {"mmpipe.batch_items": "item", "mmpipe.group_samples": "sample", "mmpipe.rows": "row"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``depth`` says how far below the first span it is; a wait in the queue belongs to no service."""

    label: str
    detail: str
    service: str
    depth: int
    begun_ns: int
    ended_ns: int
    error: str = ""
    told: str = ""

    @property
    def is_wait(self) -> bool:
        """Nobody worked: the sample was in the queue."""
        return not self.service


def rows(spans: Sequence[Recorded]) -> list[Row]:
    """The rows of one trace. A span whose parent was not recorded stands at the left, with those that have none."""
    known = {span.span_id for span in spans}
    below: dict[str, list[Recorded]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.begun_ns):
        below[span.parent_id if span.parent_id in known else ""].append(span)
    return list(_below("", None, below, 0))


def _below(span_id: str, parent: Recorded | None, below: Mapping[str, Sequence[Recorded]], depth: int) -> Iterator[Row]:
    free_ns = parent.ended_ns if parent is not None else 0
    for span in below.get(span_id, ()):
        if span.kind == "consumer" and parent is not None:
            yield from _wait(free_ns, span.begun_ns, depth)
            free_ns = max(free_ns, span.ended_ns)
        yield _row(span, depth)
        yield from _below(span.span_id, span, below, depth + 1)


def _wait(begun_ns: int, ended_ns: int, depth: int) -> Iterator[Row]:
    """From the producer's end, or the end of the delivery before, to a consumer's beginning."""
    if begun_ns < ended_ns:  # clocks of two machines may disagree
        yield Row("in the queue", "", "", depth, begun_ns, ended_ns, told="in the durable queue")


def _row(span: Recorded, depth: int) -> Row:
    error = str(span.attributes.get("error.type", "failed")) if span.failed else ""
    told = "\n".join([f"{span.service}: {span.name}", span.message, *_told(span)])
    return Row(_label(span.name), _detail(span), span.service, depth, span.begun_ns, span.ended_ns, error, told)


def _told(span: Recorded) -> Iterator[str]:
    yield from (f"{key} = {value}" for key, value in sorted(span.attributes.items()))


def _label(name: str) -> str:
    package = next((package for package in _PACKAGES if name.startswith(package)), "")
    return name.removeprefix(package)


def _detail(span: Recorded) -> str:
    telling = [str(span.attributes[key]) for key in _TELLING if key in span.attributes]
    counts = [_counted(span.attributes[key], word) for key, word in _COUNTS.items() if key in span.attributes]
    return ", ".join([*telling, *counts])


def _counted(number: object, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
