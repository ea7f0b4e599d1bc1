"""Requests to the API server in raw JSON: typed models take 50 times as long to parse (``field/kubernetes.md`` 2).

Every write goes through one gate, ``fence``, which raises where this replica may no longer write. It is asked when the
request has its connection and not earlier (``connection.FENCE``).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient
from pydantic_core import from_json

from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster.connection import FENCE
from mmpipe_operator.cluster.faults import Gone, Refused, Unavailable, fault_of
from mmpipe_operator.kinds import Kind, Manifest, Ref, ref_of

type Page = tuple[list[Manifest], int]
"""Some objects of a list, and the version at which all of it was so."""

PAGE = 100
"""Objects in one answer to a list: five hundred pipelines take 50 MB for the moment in which they are read."""
TIMEOUT_S = 30.0
SILENCE_S = 70.0
"""How long a watch may bring nothing, as with kopf: the API server sends a bookmark every minute."""
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_INITIAL_END = "k8s.io/initial-events-end"
_CANT_STREAM = frozenset({"Invalid", "BadRequest"})
"""Reasons of an API server that is too old to begin a watch with what is there, or is not to."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""As RBAC rules call them."""


@dataclass(slots=True)
class _Counted:
    """One request, for its metric."""

    status: str = "none"


@dataclass(frozen=True, slots=True)
class _Body:
    """What is sent, and in which form the answer is to come."""

    content: object = None
    content_type: str = _JSON
    accept: str = _JSON


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


@contextmanager
def _counted(verb: str, kind: str) -> Iterator[_Counted]:
    request = _Counted()
    try:
        yield request
    finally:
        metrics.count("mmpipe.operator.api.requests", verb=verb, kind=kind, status=request.status)


def _unfenced() -> None:
    """Let every write through: without an election there is one replica."""


class Cluster:
    """The API server. Every method raises ClusterError."""

    def __init__(self, client: ApiClient, fence: Callable[[], None] = _unfenced, timeout_s: float = TIMEOUT_S) -> None:
        self._client = client
        self._fence = fence
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
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
        is too old to go on from, Unavailable also where not even a bookmark has come for ``SILENCE_S``.
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
                if len(page) == PAGE:
                    yield page, 0
                    page = []
        found = "found the list ended early, expected all of it"
        raise Unavailable(f"GET {scope.kind.path(scope.namespace)}", "Unfinished", found)

    async def _followed(
        self, scope: _Scope, query: Mapping[str, str], verb: str
    ) -> AsyncGenerator[tuple[str, Manifest]]:
        path = scope.asking({"watch": "true", "allowWatchBookmarks": "true", **query})
        timeout = aiohttp.ClientTimeout(sock_connect=self._timeout.total, sock_read=SILENCE_S)
        accept = _METADATA if scope.metadata_only else _JSON
        with _counted(verb, scope.kind.kind) as counted, _reachable(f"GET {path}"):
            answer = await self._open("GET", path, _Body(accept=accept), timeout)
            async with answer:
                await _checked(answer, f"GET {path}", counted)
                async for event in _events(answer, f"GET {path}"):
                    yield event["type"], event["object"] | scope.head

    async def _paged(self, scope: _Scope) -> AsyncIterator[Page]:
        query = {"limit": str(PAGE)}
        accept = _METADATA_LIST if scope.metadata_only else _JSON
        while True:
            with _counted("list", scope.kind.kind) as counted:
                page = await self._ask("GET", scope.asking(query), counted, _Body(accept=accept))
            yield [item | scope.head for item in page["items"] or ()], int(page["metadata"]["resourceVersion"])
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
            with _counted("get", "APIResourceList") as counted:
                found = await self._ask("GET", f"/apis/{api_version}", counted)
        except Gone:
            return frozenset()
        return frozenset(resource["name"] for resource in found["resources"])

    async def _send(
        self,
        method: str,
        ref: Ref,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        subresource: str = "",
    ) -> Manifest:
        path = _asking(ref.kind.path(ref.namespace, ref.name) + subresource, query or {})
        with _counted(_VERBS[method], ref.kind.kind) as counted:
            return await self._ask(method, path, counted, _Body(body, content_type))

    async def _ask(self, method: str, path: str, counted: _Counted, body: _Body | None = None) -> Manifest:
        what = f"{method} {path.partition('?')[0]}"
        with _reachable(what):
            async with await self._open(method, path, body or _Body(), self._timeout) as answer:
                await _checked(answer, what, counted)
                content = await answer.read()
        said: Manifest = from_json(content, cache_strings="keys")
        return said

    async def _open(self, method: str, path: str, body: _Body, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """The answer, of which no more than the head has been read."""
        headers = {
            "Accept": body.accept,
            "Accept-Encoding": "identity",  # to pack and unpack takes longer than to send
            "Content-Type": body.content_type,
            "User-Agent": names.FIELD_MANAGER,
        }
        bare = path.partition("?")[0]
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], bare, method, body.content)
        FENCE.set(None if method == "GET" else self._fence)
        answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]  # it ships none
            method, self._client.configuration.host + path, headers=headers, body=body.content, _request_timeout=limits
        )
        opened: aiohttp.ClientResponse = answer.response
        return opened


async def _checked(answer: aiohttp.ClientResponse, what: str, counted: _Counted) -> None:
    """Raises the fault that the answer is."""
    counted.status = str(answer.status)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise fault_of(what, answer.status, await answer.read(), answer.headers.get("Retry-After", ""))


async def _events(answer: aiohttp.ClientResponse, what: str) -> AsyncIterator[Manifest]:
    """One for each line; ``ERROR`` is raised."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            event: Manifest = from_json(line)
            if event["type"] == "ERROR":
                raise fault_of(what, event["object"].get("code", 0), json.dumps(event["object"]).encode())
            yield event


@contextmanager
def _reachable(what: str) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(what, "Unreachable", str(error) or type(error).__name__) from error


def _asking(path: str, query: Mapping[str, str]) -> str:
    return path + (f"?{urlencode(query)}" if query else "")
