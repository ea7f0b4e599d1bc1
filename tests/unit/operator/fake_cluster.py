"""An API server in memory, as far as reconciles use one: objects by reference, versions that go up, faults on order.

It notes which fields the operator has applied, and forgets that of an object that somebody else has changed. What it
does not do (merging, defaulting, ownership of single fields) is tested against a real one in ``e2e/control_plane``.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from mmpipe_operator import names
from mmpipe_operator.cluster import ClusterError, Conflict, Gone
from mmpipe_operator.cluster.client import Page
from mmpipe_operator.kinds import Kind, Manifest, Ref, ref_of
from mmpipe_operator.reconciling.difference import merge_keys


class FakeCluster:
    """``writes`` are method and object in the order in which they came; ``refuse`` may raise for any request."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Manifest] = {}
        self.writes: list[tuple[str, str]] = []
        self.events: list[tuple[str, str]] = []
        self.served: dict[str, frozenset[str]] = {}
        self.reads = 0
        self.watched: asyncio.Queue[Kind] = asyncio.Queue()
        self.refuse: Callable[[str, Ref], ClusterError | None] = lambda _, __: None
        self._version = 100

    async def get(self, ref: Ref) -> Manifest | None:
        self._ask("get", ref)
        self.reads += 1
        return copy.deepcopy(self.objects.get(ref))

    async def list(self, kind: Kind, namespace: str = "", _: str = "") -> tuple[list[Manifest], int]:
        self._ask("list", Ref(kind, namespace, ""))
        found = [held for ref, held in self.objects.items() if ref.kind is kind and namespace in {"", ref.namespace}]
        return copy.deepcopy(found), self._version

    async def pages(self, kind: Kind, namespace: str = "", selector: str = "", **_: object) -> AsyncIterator[Page]:
        found, version = await self.list(kind, namespace, selector)
        for each in found:
            yield [each], version
        yield [], version

    async def watch(self, kind: Kind, *_: object, **__: object) -> AsyncIterator[tuple[str, Manifest]]:
        """Nothing ever happens."""
        await self.watched.put(kind)
        await asyncio.Event().wait()
        yield "", {}

    async def serves(self, api_version: str) -> frozenset[str]:
        return self.served.get(api_version, frozenset())

    async def apply(self, manifest: Manifest) -> Manifest:
        ref = ref_of(manifest)
        self._write("apply", ref)
        known = self.objects.get(ref, {})
        kept = {name: known[name] for name in ("status",) if name in known}
        metadata = {**known.get("metadata", {}), **manifest["metadata"]}
        note = [] if ref.kind.kind == names.KIND else [self._note(manifest)]
        return self._keep(
            ref, {**kept, **manifest, "metadata": {"uid": f"uid-{ref.name}", **metadata, "managedFields": note}}
        )

    async def apply_status(self, ref: Ref, status: Manifest) -> Manifest:
        self._write("status", ref)
        return self._keep(ref, {**self._there(ref), "status": status})

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        self._write("merge", ref)
        found = self._there(ref)
        if patch["metadata"].get("resourceVersion") not in {None, found["metadata"]["resourceVersion"]}:
            raise Conflict(str(ref), "Conflict", "it has changed")
        return self._keep(ref, merged(found, patch))

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        if kind.kind != "Event":
            return self.put(manifest)
        self.events.append((manifest["type"], manifest["reason"]))
        return manifest

    async def delete(self, manifest: Manifest) -> None:
        ref = ref_of(manifest)
        self._write("delete", ref)
        self.objects.pop(ref, None)

    def put(self, manifest: Manifest) -> Manifest:
        """Have an object there, as somebody else would."""
        known = self.objects.get(ref_of(manifest), manifest)
        if any(known.get(part) != manifest.get(part) for part in ("spec", "data")):
            manifest = {**manifest, "metadata": {**manifest["metadata"], "managedFields": []}}
        return self._keep(ref_of(manifest), manifest)

    def _note(self, manifest: Manifest) -> Manifest:
        fields = owned(manifest, "")
        return {"manager": names.FIELD_MANAGER, "operation": "Apply", "time": str(self._version), "fieldsV1": fields}

    def _there(self, ref: Ref) -> Manifest:
        if ref not in self.objects:
            raise Gone(str(ref), "NotFound", "it is not there")
        return self.objects[ref]

    def _write(self, verb: str, ref: Ref) -> None:
        self._ask(verb, ref)
        self.writes.append((verb, f"{ref.kind.kind} {ref.name}"))

    def _ask(self, verb: str, ref: Ref) -> None:
        if (fault := self.refuse(verb, ref)) is not None:
            raise fault

    def _keep(self, ref: Ref, manifest: Manifest) -> Manifest:
        self._version += 1
        metadata = {**manifest["metadata"], "resourceVersion": str(self._version)}
        self.objects[ref] = {**manifest, "metadata": metadata}
        return copy.deepcopy(self.objects[ref])


def merged(found: Manifest, patch: Manifest) -> Manifest:
    """A merge patch (RFC 7396)."""
    inner = {
        name: merged(found.get(name) or {}, value) if isinstance(value, dict) else value
        for name, value in patch.items()
    }
    return {name: value for name, value in (found | inner).items() if value is not None}


def owned(planned: Any, path: str) -> Manifest:  # noqa: ANN401  # JSON
    """The fields of an applied object as the API server notes them (``fieldsV1``)."""
    if isinstance(planned, dict):
        return {f"f:{name}": owned(value, f"{path}.{name}".removeprefix(".")) for name, value in planned.items()}
    keys = merge_keys(path, planned) if isinstance(planned, list) else ()
    return {
        f"k:{json.dumps({key: entry.get(key) for key in keys})}": owned(entry, f"{path}[{entry[keys[0]]}]")
        for entry in (planned if keys else ())
    }


SPEC = {
    "modalities": [{"name": "text"}],
    "source": {"queue": {"nats": {"url": "nats://nats:4222"}}},
    "sink": {
        "milvus": {"uri": "http://milvus:19530"},
        "objects": {"uri": "s3://media"},
        "metadata": {"uri": "postgresql://db/media"},
    },
}
"""The smallest spec that a cluster takes."""


def pipeline(spec: Manifest | None = None, **metadata: object) -> Manifest:
    """A pipeline as the API server would return it."""
    own = {"namespace": "team", "name": "media", "uid": "uid-media", "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {**own, **metadata},
        "spec": {**SPEC, **(spec or {})},
    }
