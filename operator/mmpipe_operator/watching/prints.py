"""Fingerprints of children: whether one is still as the operator has left it, told from eight bytes.

Server-side apply notes in ``managedFields`` which fields are the operator's and when that last changed. Whoever changes
the value of such a field, or takes it away, takes it out of that note: while the note stands, all that the operator has
applied stands. So a fingerprint is of the object's uid and of that note, and neither of its values nor of what others
keep in it; the same comes of the metadata alone. ``reconcile`` looks closely where fingerprints are not as they were.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from mmpipe_operator import names
from mmpipe_operator.kinds import CHILDREN, Kind, Manifest, Ref

UNKNOWN = 0
"""Print of an object that says nothing: it has no note of ours, or is being deleted."""
_KIND_BITS = 15
_KIND_OF = {kind: number for number, kind in enumerate(CHILDREN)}


def applied(manifest: Manifest) -> Mapping[str, Any]:
    """The operator's own entry of ``managedFields``, its status' apart; empty where there is none."""
    for entry in manifest["metadata"].get("managedFields", ()):
        if entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply" and not _of_status(entry):
            found: Mapping[str, Any] = entry
            return found
    return {}


def _of_status(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("subresource"))


def print_of(manifest: Manifest) -> int:
    """The fingerprint of a child, from all of it or from its metadata."""
    metadata, note = manifest["metadata"], applied(manifest)
    if not note or "deletionTimestamp" in metadata:
        return UNKNOWN
    return number_of([metadata.get("uid"), note.get("time"), note["fieldsV1"]])


def number_of(value: object) -> int:
    """Eight bytes of a digest of JSON, the same in every process; never 0."""
    return _number(to_json(value)) or 1


def label_of(ref: Ref) -> int:
    """A child's name and kind in eight bytes; its kind can be told from them."""
    return _number(f"{ref.namespace}/{ref.name}".encode()) & ~_KIND_BITS | _KIND_OF[ref.kind]


def kind_of_label(label: int) -> Kind:
    """The kind of the child that has this label."""
    return CHILDREN[label & _KIND_BITS]


def _number(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest())


def digest(prints: Iterable[tuple[int, int]]) -> str:
    """Of all labels and prints of a pipeline's children; empty where one of them says nothing."""
    ordered = sorted(prints)
    if any(each == UNKNOWN for _, each in ordered):
        return ""
    return blake2b(array("Q", [number for pair in ordered for number in pair]).tobytes(), digest_size=16).hexdigest()


class Prints:
    """Numbers by label, a few dozen in sixteen bytes each: a thousand pipelines have twenty thousand children."""

    __slots__ = ("_labels", "_values")

    def __init__(self) -> None:
        self._labels = array("Q")
        self._values = array("Q")

    def __bool__(self) -> bool:
        return bool(self._labels)

    def get(self, label: int) -> int | None:
        """The number of a child; None where it is not known."""
        try:
            return self._values[self._labels.index(label)]
        except ValueError:
            return None

    def put(self, label: int, value: int) -> None:
        """Remember it."""
        try:
            self._values[self._labels.index(label)] = value
        except ValueError:
            self._labels.append(label)
            self._values.append(value)

    def drop(self, label: int) -> None:
        """Forget it."""
        try:
            at = self._labels.index(label)
        except ValueError:
            return
        del self._labels[at], self._values[at]

    def items(self) -> Iterable[tuple[int, int]]:
        """All of them."""
        return zip(self._labels, self._values, strict=True)
