"""What the operator knows of the cluster: pipelines, their children and their pods, by pipeline.

Watches and lists fill it, and so does every answer to our own writes, so that a reconcile sees what the one before has
done. Versions only ever go up: an event that is older than what is known changes nothing. Of ``managedFields`` only
what the operator itself applied is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from mmpipe_operator import names
from mmpipe_operator.kinds import PIPELINE, POD, Kind, Manifest, Ref, ref_of

type Key = tuple[str, str]
"""Namespace and name of a pipeline."""


class Cache:
    """Not for threads: it belongs to the event loop."""

    def __init__(self) -> None:
        self._pipelines: dict[Key, dict[Ref, Manifest]] = defaultdict(dict)
        self._watched: dict[Kind, int] = {}

    def keys(self) -> tuple[Key, ...]:
        """Every pipeline that is there."""
        return tuple(key for key in self._pipelines if self.pipeline(key) is not None)

    def pipeline(self, key: Key) -> Manifest | None:
        """The object itself."""
        return self._pipelines.get(key, {}).get(Ref(PIPELINE, *key))

    def children(self, key: Key) -> Mapping[Ref, Manifest]:
        """What the pipeline owns, pods not among it."""
        return {ref: held for ref, held in self._pipelines.get(key, {}).items() if ref.kind not in {PIPELINE, POD}}

    def child(self, key: Key, ref: Ref) -> Manifest | None:
        """One of them, or None where it is not known."""
        return self._pipelines.get(key, {}).get(ref)

    def pods(self, key: Key) -> tuple[Manifest, ...]:
        """The pipeline's pods."""
        return tuple(held for ref, held in self._pipelines.get(key, {}).items() if ref.kind is POD)

    def put(self, manifest: Manifest) -> Key | None:
        """Remember an object; the pipeline that it concerns, or None where nothing has changed."""
        ref, key = ref_of(manifest), key_of(manifest)
        known = self._pipelines[key].get(ref) if key in self._pipelines else None
        if key is None or (known is not None and version_of(known) >= version_of(manifest)):
            return None
        self._pipelines[key][ref] = _kept(manifest)
        return key

    def drop(self, manifest: Manifest) -> Key | None:
        """Forget an object that was deleted; None where a newer one of that name is known, or none at all."""
        ref, key = ref_of(manifest), key_of(manifest)
        known = self._pipelines.get(key, {}).get(ref) if key else None
        if key is None or known is None or version_of(known) > version_of(manifest):
            return None
        del self._pipelines[key][ref]
        if not self._pipelines[key]:
            del self._pipelines[key]
        return key

    def replace(self, kind: Kind, listed: Iterable[Manifest], version: int) -> set[Key]:
        """Make the objects of one kind what a list of that version says; the pipelines that a watch should have told.

        What was made since the list is kept.
        """
        found = {ref_of(manifest): manifest for manifest in listed}
        vanished = [
            held
            for objects in self._pipelines.values()
            for ref, held in objects.items()
            if ref.kind is kind and ref not in found and version_of(held) <= version
        ]
        changed = {self.put(manifest) for manifest in found.values()} | {self.drop(held) for held in vanished}
        return {key for key in changed if key is not None}

    def watched(self, manifest: Manifest) -> None:
        """Note that the watch of its kind is alive, and how far it has come."""
        kind = ref_of(manifest).kind
        self._watched[kind] = max(self._watched.get(kind, 0), version_of(manifest))

    def watched_version(self, kind: Kind) -> int:
        """The newest version that the watch of a kind has brought; 0 before it has brought any."""
        return self._watched.get(kind, 0)


def key_of(manifest: Manifest) -> Key | None:
    """The pipeline that an object is or belongs to, or None for one that is not ours."""
    metadata = manifest["metadata"]
    name = metadata["name"] if manifest["kind"] == names.KIND else metadata.get("labels", {}).get(names.PIPELINE_LABEL)
    return (metadata["namespace"], name) if name else None


def version_of(manifest: Manifest) -> int:
    """Its resource version, which may be compared as a number (KEP-5504)."""
    return int(manifest["metadata"].get("resourceVersion") or 0)


def owned_fields(manifest: Manifest) -> Mapping[str, Any]:
    """The fields that the operator has applied, as the API server notes them (``fieldsV1``)."""
    for entry in manifest["metadata"].get("managedFields", ()):
        if entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply" and not _of_status(entry):
            fields: Mapping[str, Any] = entry["fieldsV1"]
            return fields
    return {}


def _of_status(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("subresource"))


def _kept(manifest: Manifest) -> Manifest:
    """The object without what nobody here reads."""
    ours = [
        entry
        for entry in manifest["metadata"].get("managedFields", ())
        if entry.get("manager") == names.FIELD_MANAGER and not _of_status(entry)
    ]
    return {**manifest, "metadata": {**manifest["metadata"], "managedFields": ours}}
