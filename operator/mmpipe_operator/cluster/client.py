"""What the operator asks of the API server, in Kubernetes' verbs. ``transport`` carries it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlencode

from kubernetes.aio.client import ApiClient

from mmpipe_operator import names
from mmpipe_operator.cluster.faults import Gone, Refused, Unavailable
from mmpipe_operator.cluster.transport import JSON, Request, Transport
from mmpipe_operator.kinds import Kind, Manifest, Ref, ref_of

type Page = tuple[list[Manifest], int]
"""Some objects of a list, and the version at which all of it was so; of a streamed one 0 but for the last of them."""

PAGE = 100
"""Objects in one answer to a list: five hundred pipelines take 50 MB for the moment in which they are read."""
SOME = 20
"""Of a streamed list at a time; as parsed JSON a Deployment takes 60 kB."""
TIMEOUT_S = 30.0
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_INITIAL_END = "k8s.io/initial-events-end"
_CANT_STREAM = frozenset({"Invalid", "BadRequest"})
"""Reasons of an API server that is too old to begin a watch with what is there, or is not to."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""As RBAC rules call them."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Which objects are listed or watched, and how much of each."""

    kind: Kind
    namespace: str = ""
    selector: str = ""
    metadata_only: bool = False

    @property
    def head(self) -> Manifest:
        """What an object of a list does not say of itself."""
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind}

    def asking(self, query: Mapping[str, str]) -> str:
        """The path with its query."""
        selector = {"labelSelector": self.selector} if self.selector else {}
        return _asking(self.kind.path(self.namespace), {**query, **selector})


def _unfenced() -> None:
    """Let every write through: without an election there is one replica."""


class Cluster:
    """The API server. Every method raises ClusterError."""

    def __init__(self, client: ApiClient, fence: Callable[[], None] = _unfenced, timeout_s: float = TIMEOUT_S) -> None:
        self._transport = Transport(client, fence, timeout_s)
        self._streams = True

    async def get(self, ref: Ref) -> Manifest | None:
        """The object, or None where it is not there."""
        try:
            found: Manifest = await self._send("GET", ref)
        except Gone:
            return None
        return found

    async def list(self, kind: Kind, namespace: str = "", selector: str = "") -> tuple[list[Manifest], int]:
        """All objects of a namespace, or of the cluster, and the version at which they were so.

        Asked of etcd, in pages: a cache of the API server may be behind.
        """
        found: list[Manifest] = []
        version = 0
        async for page, version in self._paged(_Scope(kind, namespace, selector)):  # noqa: B007  # the last page's
            found += page
        return found, version

    async def pages(
        self, kind: Kind, namespace: str = "", selector: str = "", *, metadata_only: bool = False
    ) -> AsyncGenerator[Page]:
        """As ``list``, some objects at a time, so that nobody has to hold all; ``metadata_only`` leaves out all else.

        The version comes with the last of them. They are streamed from the API server's cache, once it is as new as
        etcd, for half the work of a list in pages on either side; in pages by an API server that can't do that.
        """
        scope = _Scope(kind, namespace, selector, metadata_only)
        if self._streams:
            try:
                async for page in self._streamed(scope):
                    yield page
            except Refused as refusal:
                if refusal.reason not in _CANT_STREAM:
                    raise
                self._streams = False
            else:
                return
        async for page in self._paged(scope):
            yield page

    async def watch(
        self, kind: Kind, since: int, namespace: str = "", selector: str = "", *, metadata_only: bool = False
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        """What happens after that version: ``ADDED``, ``MODIFIED``, ``DELETED``, and ``BOOKMARK`` (a version alone).

        Ends when the API server ends it, as it does every few minutes. Raises ClusterError: Expired where the version
        is too old to go on from, Unavailable also where not even a bookmark has come for ``transport.SILENCE_S``.
        """
        scope = _Scope(kind, namespace, selector, metadata_only)
        async with aclosing(self._followed(scope, {"resourceVersion": str(since)}, "watch")) as events:
            async for event in events:
                yield event

    async def _streamed(self, scope: _Scope) -> AsyncGenerator[Page]:
        """KEP-3157: a watch that begins with what is there, up to a bookmark that says so."""
        query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        page: list[Manifest] = []
        async with aclosing(self._followed(scope, query, "list")) as events:
            async for event, manifest in events:
                if event != "BOOKMARK":
                    page.append(manifest)
                elif _INITIAL_END in manifest["metadata"].get("annotations", {}):
                    yield page, int(manifest["metadata"]["resourceVersion"])
                    return
                if len(page) == SOME:
                    yield page, 0
                    page = []
        found = "found the list ended early, expected all of it"
        raise Unavailable(f"GET {scope.kind.path(scope.namespace)}", "Unfinished", found)

    async def _followed(
        self, scope: _Scope, query: Mapping[str, str], verb: str
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        asked = scope.asking({"watch": "true", "allowWatchBookmarks": "true", **query})
        accept = _METADATA if scope.metadata_only else JSON
        request, head = Request("GET", asked, verb, scope.kind.kind, accept=accept), scope.head
        async with aclosing(self._transport.events(request)) as events:
            async for event in events:
                yield event["type"], event["object"] | head

    async def _paged(self, scope: _Scope) -> AsyncIterator[Page]:
        query = {"limit": str(PAGE)}
        accept, head = _METADATA_LIST if scope.metadata_only else JSON, scope.head
        while True:
            request = Request("GET", scope.asking(query), "list", scope.kind.kind, accept=accept)
            page = await self._transport.ask(request)
            yield [item | head for item in page["items"] or ()], int(page["metadata"]["resourceVersion"])
            if not (more := page["metadata"].get("continue")):
                return
            query["continue"] = more

    async def apply(self, manifest: Manifest, manager: str = names.FIELD_MANAGER, *, force: bool = True) -> Manifest:
        """Server-side apply: create it, or make the fields that it has so, whoever set them; the answer is the object.

        Fields that an earlier apply of the manager had and this one has not are given up. Without ``force`` it raises
        Conflict where another manager has set one of them otherwise.
        """
        query = {"fieldManager": manager, "force": str(force).lower()}
        return await self._send("PATCH", ref_of(manifest), query, manifest, _APPLY)

    async def apply_status(self, ref: Ref, status: Manifest) -> Manifest:
        """The same for the status of an object that is there; raises Gone where it is not."""
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        body = {
            "apiVersion": ref.kind.api_version,
            "kind": ref.kind.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "status": status,
        }
        return await self._send("PATCH", ref, query, body, _APPLY, "/status")

    async def merge(self, ref: Ref, patch: Manifest, subresource: str = "") -> Manifest:
        """Merge patch. With ``metadata.resourceVersion`` in it, raises Conflict where the object has changed."""
        return await self._send("PATCH", ref, {"fieldManager": names.FIELD_MANAGER}, patch, _MERGE, subresource)

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """A new object. Raises Conflict where there is one of that name."""
        namespace = manifest["metadata"]["namespace"]
        return await self._send("POST", Ref(kind, namespace, ""), {}, manifest)

    async def replace(self, ref: Ref, manifest: Manifest) -> Manifest:
        """The whole object anew. With ``metadata.resourceVersion``, raises Conflict where it has changed."""
        return await self._send("PUT", ref, {}, manifest)

    async def delete(self, manifest: Manifest) -> None:
        """Delete the object as it was observed: raises Conflict where it has changed since. Gone already is fine."""
        metadata = manifest["metadata"]
        seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            await self._send("DELETE", ref_of(manifest), {}, {"preconditions": seen, "propagationPolicy": "Background"})
        except Gone:
            return

    async def serves(self, api_version: str) -> frozenset[str]:
        """Plural names of what the API server has under an API version; none where it does not have that."""
        try:
            found = await self._transport.ask(Request("GET", f"/apis/{api_version}", "get", "APIResourceList"))
        except Gone:
            return frozenset()
        return frozenset(resource["name"] for resource in found["resources"])

    async def _send(
        self,
        method: str,
        ref: Ref,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = JSON,
        subresource: str = "",
    ) -> Manifest:
        path = _asking(ref.kind.path(ref.namespace, ref.name) + subresource, query or {})
        return await self._transport.ask(Request(method, path, _VERBS[method], ref.kind.kind, body, content_type))


def _asking(path: str, query: Mapping[str, str]) -> str:
    return path + (f"?{urlencode(query)}" if query else "")
