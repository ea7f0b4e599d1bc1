"""Files of one key brought together in a stream, as far as a bounded window reaches.

``tar c photos`` packs files in the order the folder happens to have, not by name. A small archive therefore fits the
window as a whole and needs no order; a large one needs its files of a key within one window of each other, and those
of WebDataset are neighbours. What comes later still is reported by :func:`mmpipe.adapters.inputs.samples.unique`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mmpipe.adapters.inputs.content import Content
from mmpipe.adapters.inputs.entries import Entry, neighbours
from mmpipe.adapters.inputs.limits import MIB
from mmpipe.records import Rejected

WINDOW_BYTES = 64 * MIB
"""Most content that waits for files of its key; it is also how far a stream runs ahead of its first sample."""

_ENTRY_BYTES = 1024  # what an entry costs beside its content, rounded up


def gathered(entries: Iterable[Entry], window_bytes: int) -> Iterator[Entry]:
    """The same entries, loaded, and in runs of one key; the key that was quiet longest goes first."""
    window = _Window(window_bytes)
    for entry in entries:
        window.add(entry)
        yield from window.overflow()
    yield from window.rest()


@dataclass(slots=True)
class _Window:
    """Loaded entries by key, the key of the newest entry last."""

    max_bytes: int
    waiting: dict[str, list[Entry]] = field(default_factory=dict)
    held_bytes: int = 0

    def add(self, entry: Entry) -> None:
        content = entry.load()
        run = self.waiting.pop(entry.key, [])
        run.append(replace(entry, load=lambda: content))
        self.waiting[entry.key] = run
        self.held_bytes += _cost(content)

    def overflow(self) -> Iterator[Entry]:
        while self.held_bytes > self.max_bytes:
            run = self.waiting.pop(next(iter(self.waiting)))
            self.held_bytes -= sum(_cost(entry.load()) for entry in run)
            yield from _by_name(run)

    def rest(self) -> Iterator[Entry]:
        for run in self.waiting.values():
            yield from _by_name(run)


def _by_name(run: list[Entry]) -> list[Entry]:
    return sorted(run, key=lambda entry: neighbours(entry.name))


def _cost(content: Content | Rejected) -> int:
    """What waiting takes, in memory or, where the content is mapped, of the temporary folder."""
    return _ENTRY_BYTES + (0 if isinstance(content, Rejected) else len(content))
