"""What the operator knows of the cluster: pipelines, their children and their pods, by pipeline.

Watches and lists fill it, and so does every answer to our own writes, so that a reconcile sees what the one before has
done. Versions only ever go up: an event that is older than what is known, or than its object's end, changes nothing.

Of most children it knows no more than a fingerprint (``prints``): enough to see that all is as it was left, at a cost
that thousands of pipelines can have. Who must know more reads the object. What else is kept, ``slimming`` says.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE, POD, Kind, Manifest, Ref, ref_of
from mmpipe_operator.status import state_of
from mmpipe_operator.watching.prints import Prints, digest, kind_of_label, label_of, print_of
from mmpipe_operator.watching.slimming import WHOLE, Packing

type Key = tuple[str, str]
"""Namespace and name of a pipeline."""

_ENDS = 5_000
"""Ends of objects that are remembered, so that what comes late does not bring them back."""


class _Held:
    """What is known of one pipeline: some objects whole, versions and fingerprints of all its children."""

    __slots__ = ("prints", "versions", "whole")

    def __init__(self) -> None:
        self.whole: dict[Ref, tuple[int, bytes]] = {}
        self.versions = Prints()
        self.prints = Prints()

    def __bool__(self) -> bool:
        return bool(self.whole or self.prints)


class Cache:
    """Not for threads: it belongs to the event loop."""

    def __init__(self) -> None:
        self._pipelines: dict[Key, _Held] = {}
        self._watched: dict[Kind, int] = {}
        self._ended: OrderedDict[Ref, int] = OrderedDict()
        self._states: dict[Key, str] = {}
        self._packing = Packing()

    def keys(self) -> tuple[Key, ...]:
        """Every pipeline that is there."""
        return tuple(self._states)

    def states(self) -> Counter[str]:
        """How many pipelines are in which state (``status.state_of``). Any thread may ask."""
        return Counter(self._states.copy().values())

    def pipeline(self, key: Key) -> Manifest | None:
        """The object itself."""
        return self.child(key, Ref(PIPELINE, *key))

    def children(self, key: Key) -> Mapping[Ref, Manifest]:
        """What the pipeline owns of the kinds that are kept whole, pods not among it."""
        return dict(self._whole(key, lambda kind: kind not in {PIPELINE, POD}))

    def child(self, key: Key, ref: Ref) -> Manifest | None:
        """One of them, or None where it is not known, or by its fingerprint alone."""
        found = self._pipelines[key].whole.get(ref) if key in self._pipelines else None
        return self._packing.unpacked(ref, *found) if found else None

    def pods(self, key: Key) -> tuple[Manifest, ...]:
        """The pipeline's pods."""
        return tuple(pod for _, pod in self._whole(key, lambda kind: kind is POD))

    def print(self, key: Key, label: int) -> int | None:
        """The fingerprint of a child by its label; None where it is not known."""
        return self._pipelines[key].prints.get(label) if key in self._pipelines else None

    def digest(self, key: Key) -> str:
        """Of the fingerprints of all children; empty where one says nothing."""
        return digest(self._pipelines[key].prints.items()) if key in self._pipelines else ""

    def surplus(self, key: Key, planned: frozenset[int]) -> list[Kind]:
        """Kinds of which there are children whose labels are not among these, in order."""
        known = self._pipelines[key].prints.items() if key in self._pipelines else ()
        return sorted({kind_of_label(label) for label, _ in known if label not in planned})

    def put(self, manifest: Manifest) -> Key | None:
        """Remember an object; the pipeline that it concerns, or None where nothing of interest has changed."""
        ref, key, version = ref_of(manifest), key_of(manifest), version_of(manifest)
        if key is None or version <= max(self._version(key, ref), self._ended.get(ref, -1)):
            return None
        held = self._pipelines.setdefault(key, _Held())
        if ref.kind is PIPELINE:
            self._states[key] = state_of(manifest)
        differs = self._put_whole(held, ref, version, manifest) if ref.kind in WHOLE else False
        differs |= _put_print(held, ref, version, manifest)
        if not held:
            del self._pipelines[key]
        return key if differs else None

    def drop(self, manifest: Manifest) -> Key | None:
        """Forget an object that was deleted; None where a newer one of that name is known, or none at all."""
        ref, key, version = ref_of(manifest), key_of(manifest), version_of(manifest)
        known = self._version(key, ref) if key else -1
        if key is None or known > version:
            return None
        self._end(ref, version)
        if known < 0:
            return None
        self._forget(key, ref)
        return key

    def replace(self, kind: Kind, listed: Iterable[Manifest], version: int, namespace: str = "") -> set[Key]:
        """Make the objects of one kind what a list of that version says; the pipelines that a watch should have told.

        What was made since the list is kept.
        """
        there: set[Ref] = set()
        changed: set[Key | None] = set()
        for manifest in listed:
            there.add(ref_of(manifest))
            changed.add(self.put(manifest))
        return self.vanish(kind, there, version, namespace) | {key for key in changed if key is not None}

    def vanish(self, kind: Kind, there: set[Ref], version: int, namespace: str = "") -> set[Key]:
        """Forget what a list of that version did not have; the pipelines that this concerns."""
        labels = {label_of(ref) for ref in there} if kind not in {PIPELINE, POD} else set()
        gone = [
            key
            for key, held in self._pipelines.items()
            if namespace in {"", key[0]} and _vanish(held, kind, there, labels, version)
        ]
        for key in gone:
            self._let_go(key, kind)
        return set(gone)

    def watched(self, kind: Kind, version: int) -> None:
        """Note that the watch of a kind is alive, and how far it has come."""
        self._watched[kind] = max(self._watched.get(kind, 0), version)

    def watched_version(self, kind: Kind) -> int:
        """The newest version that the watch of a kind has brought; 0 before it has brought any."""
        return self._watched.get(kind, 0)

    def _whole(self, key: Key, wanted: Callable[[Kind], bool]) -> Iterator[tuple[Ref, Manifest]]:
        held = self._pipelines.get(key)
        for ref, found in tuple(held.whole.items()) if held else ():
            if wanted(ref.kind):
                yield ref, self._packing.unpacked(ref, *found)

    def _version(self, key: Key, ref: Ref) -> int:
        """Of what is known of an object; -1 where nothing is."""
        held = self._pipelines.get(key)
        if held is None:
            return -1
        if ref.kind in WHOLE:
            return held.whole[ref][0] if ref in held.whole else -1
        version = held.versions.get(label_of(ref))
        return -1 if version is None else version

    def _put_whole(self, held: _Held, ref: Ref, version: int, manifest: Manifest) -> bool:
        """Whether what is kept of it has changed."""
        kept = self._packing.packed(ref.kind, manifest)
        before = held.whole.get(ref)
        held.whole[ref] = version, kept
        return before is None or before[1] != kept

    def _forget(self, key: Key, ref: Ref) -> None:
        held = self._pipelines[key]
        held.whole.pop(ref, None)
        if ref.kind not in {PIPELINE, POD}:
            held.versions.drop(label_of(ref))
            held.prints.drop(label_of(ref))
        self._let_go(key, ref.kind)

    def _let_go(self, key: Key, kind: Kind) -> None:
        """Of what is left of a pipeline that has lost something of that kind."""
        if kind is PIPELINE:
            self._states.pop(key, None)
        if not self._pipelines[key]:
            del self._pipelines[key]

    def _end(self, ref: Ref, version: int) -> None:
        self._ended[ref] = max(version, self._ended.pop(ref, -1))
        if len(self._ended) > _ENDS:
            self._ended.popitem(last=False)


def key_of(manifest: Manifest) -> Key | None:
    """The pipeline that an object is or belongs to, or None for one that is not ours."""
    metadata = manifest["metadata"]
    name = metadata["name"] if manifest["kind"] == names.KIND else metadata.get("labels", {}).get(names.PIPELINE_LABEL)
    return (metadata["namespace"], name) if name else None


def version_of(manifest: Manifest) -> int:
    """Its resource version, which may be compared as a number (KEP-5504)."""
    return int(manifest["metadata"].get("resourceVersion") or 0)


def _put_print(held: _Held, ref: Ref, version: int, manifest: Manifest) -> bool:
    """Whether its fingerprint has changed. Only children that a pipeline owns have one."""
    if ref.kind in {PIPELINE, POD}:
        return False
    label = label_of(ref)
    before = held.prints.get(label)
    if not _is_owned(manifest):
        held.versions.drop(label)
        held.prints.drop(label)
        return before is not None
    seen = print_of(manifest)
    held.versions.put(label, version)
    held.prints.put(label, seen)
    return before != seen


def _is_owned(manifest: Manifest) -> bool:
    owners = manifest["metadata"].get("ownerReferences", ())
    return any(owner["kind"] == names.KIND and owner.get("controller") for owner in owners)


def _vanish(held: _Held, kind: Kind, there: set[Ref], labels: set[int], version: int) -> bool:
    """Forget what is no longer there of a kind; whether there was any."""
    refs = [ref for ref, (seen, _) in held.whole.items() if ref.kind is kind and ref not in there and seen <= version]
    lost = [
        label
        for label, seen in held.versions.items()
        if kind_of_label(label) is kind and label not in labels and seen <= version
    ]
    for ref in refs:
        del held.whole[ref]
    for label in lost:
        held.versions.drop(label)
        held.prints.drop(label)
    return bool(refs or lost)
