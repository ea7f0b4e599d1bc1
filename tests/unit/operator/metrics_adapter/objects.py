"""An API server in memory, as far as certificates and registration use one: versions, owners of fields, faults."""

from __future__ import annotations

import copy
from collections.abc import Callable

from mmpipe_operator.cluster import ClusterError, Conflict
from mmpipe_operator.kinds import Kind, Manifest, Ref, ref_of


class Objects:
    """``before`` runs before each request and may raise, or change what is there."""

    def __init__(self) -> None:
        self.held: dict[Ref, Manifest] = {}
        self.writes: list[str] = []
        self.before: Callable[[str, Ref], None] = lambda _, __: None
        self._version = 1

    async def get(self, ref: Ref) -> Manifest | None:
        self.before("get", ref)
        return copy.deepcopy(self.held.get(ref))

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        ref = Ref(kind, manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"])
        self._write("create", ref)
        if ref in self.held:
            raise Conflict(str(ref), "AlreadyExists", "it is there")
        return self.put(ref, manifest)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        self._write("merge", ref)
        self._unchanged(ref, patch)
        return self.put(ref, {**self.held[ref], "data": {**self.held[ref].get("data", {}), **patch["data"]}})

    async def apply(self, manifest: Manifest, _: str = "", *, force: bool = True) -> Manifest:
        ref = ref_of(manifest)
        self._write("apply" if force else "apply without force", ref)
        self._unchanged(ref, manifest)
        found = self.held.get(ref, {"metadata": {}, "spec": {}})
        metadata = {**found["metadata"], **manifest["metadata"]}
        return self.put(ref, {**found, **manifest, "metadata": metadata, "spec": {**found["spec"], **manifest["spec"]}})

    async def delete(self, manifest: Manifest) -> None:
        self._write("delete", ref_of(manifest))
        self._unchanged(ref_of(manifest), manifest)
        del self.held[ref_of(manifest)]

    def put(self, ref: Ref, manifest: Manifest) -> Manifest:
        """Have an object there, as somebody else would."""
        self._version += 1
        metadata = {"uid": f"uid-{ref.name}", **manifest.get("metadata", {}), "resourceVersion": str(self._version)}
        self.held[ref] = {**manifest, "metadata": metadata}
        return copy.deepcopy(self.held[ref])

    def _write(self, verb: str, ref: Ref) -> None:
        self.before(verb, ref)
        self.writes.append(verb)

    def _unchanged(self, ref: Ref, manifest: Manifest) -> None:
        seen = manifest["metadata"].get("resourceVersion")
        if seen is not None and seen != self.held.get(ref, {"metadata": {}})["metadata"].get("resourceVersion"):
            raise Conflict(str(ref), "Conflict", "it has changed")


def refusing(verb: str, fault: ClusterError) -> Callable[[str, Ref], None]:
    """For ``before``: this verb fails so."""

    def before(asked: str, _: Ref) -> None:
        if asked == verb:
            raise fault

    return before
