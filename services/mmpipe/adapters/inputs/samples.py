"""From files that share a key to one sample.

The rules, along WebDataset's habits:

* one part per modality: the first by name holds it, any other is unreadable at gate ``input.stem``;
* a JSON object beside other files of its key holds the sample's attributes; alone, it is a text part;
* a file that can't be read or recognised is unreadable; the rest of the sample stands.

A sample keeps no content but its parts', however many files share its key. This module opens nothing itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from mmpipe.adapters.inputs.attributes import MAX_RECORD_BYTES, parse_object, plain
from mmpipe.adapters.inputs.entries import Entry
from mmpipe.adapters.inputs.parts import part_of
from mmpipe.adapters.inputs.uris import readable
from mmpipe.records import Modality, Part, Rejected, Sample


def samples_of(entries: Iterable[Entry], prefix: str) -> Iterator[Sample]:
    """One sample per run of entries with the same key, which is loaded before the next entry is asked for."""
    for key, group in groupby(entries, key=attrgetter("key")):
        yield _sample(readable(prefix + key), group)


def _sample(sample_id: str, entries: Iterable[Entry]) -> Sample:
    draft = _Draft()
    for entry in entries:
        draft.add(entry)
    return draft.finish(sample_id)


@dataclass(slots=True)
class _Draft:
    """A sample while its files come in."""

    parts: dict[Modality, Part] = field(default_factory=dict)
    unreadable: dict[str, Rejected] = field(default_factory=dict)
    record: tuple[Part, dict[str, object]] | None = None

    def add(self, entry: Entry) -> None:
        content = entry.load()
        part = content if isinstance(content, Rejected) else part_of(content, entry.uri, entry.name)
        if isinstance(part, Rejected):
            self.unreadable[entry.uri] = part
        elif (record := _record(part)) is not None:
            self._add_record(part, record)
        else:
            self._add_part(part)

    def _add_part(self, part: Part) -> None:
        if (first := self.parts.setdefault(part.modality, part)) is not part:
            self.unreadable[part.uri] = _second(f"a second {part.modality} part", part, first)

    def _add_record(self, part: Part, record: dict[str, object]) -> None:
        if self.record is None:
            self.record = part, record
        else:
            self.unreadable[part.uri] = _second("a second JSON object", part, self.record[0])

    def finish(self, sample_id: str) -> Sample:
        if self.record is None:
            return Sample(sample_id, self._in_order(), {}, self.unreadable)
        part, record = self.record
        if not self.parts and all(verdict.gate == "input.stem" for verdict in self.unreadable.values()):
            return Sample(sample_id, (part,), {}, self.unreadable)
        return Sample(sample_id, self._in_order(), record, self.unreadable)

    def _in_order(self) -> tuple[Part, ...]:
        return tuple(self.parts[modality] for modality in Modality if modality in self.parts)


def _record(part: Part) -> dict[str, object] | None:
    """The JSON object that a part is, or None where it is a part like any other."""
    if part.media.format != "json" or len(part.media.content) > MAX_RECORD_BYTES:
        return None
    record = parse_object(bytes(part.media.content))
    try:
        return None if record is None else plain(record)
    except TypeError:  # nested too deep to be anyone's attributes: a document
        return None


def _second(what: str, part: Part, first: Part) -> Rejected:
    reason = (
        f"{part.facts['name']} is {what} under one stem, after {first.facts['name']}; expected one per sample; "
        "rename it so that its name differs before the first dot."
    )
    return Rejected("input.stem", reason)


def unique(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The same samples, but one that comes under an id again is unreadable as ``id~2``: it must not replace the first.

    Costs about 70 bytes per sample: ids are remembered by their 64-bit hash.
    """
    seen: set[int] = set()
    repeats: Counter[str] = Counter()
    for sample in samples:
        mark = hash(sample.id)
        if mark not in seen:
            seen.add(mark)
            yield sample
        else:
            repeats[sample.id] += 1
            yield _repeated(sample, 1 + repeats[sample.id])


def _repeated(sample: Sample, occurrence: int) -> Sample:
    verdict = Rejected(
        gate="input.id",
        reason=f"The id {sample.id!r} came before in this input; expected every id once, and the "
        "files of one stem together; sort the archive (tar --sort=name), or give each row, or shard, ids of its own.",
    )
    repeated = dict.fromkeys((part.uri for part in sample.parts), verdict)
    return Sample(f"{sample.id}~{occurrence}", (), sample.attributes, {**sample.unreadable, **repeated})
