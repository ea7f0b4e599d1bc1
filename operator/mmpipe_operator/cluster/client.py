"""Requests to the API server in raw JSON: typed models take 50 times as long to parse (``field/kubernetes.md`` 2).

Every write goes through one gate, ``fence``, which raises where this replica may no longer write. It is asked when the
request has its connection and not earlier (``connection.FENCE``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from mmpipe.telemetry import metrics
from mmpipe_operator import names
from mmpipe_operator.cluster.connection import FENCE
from mmpipe_operator.cluster.faults import Gone, Unavailable, fault_of
from mmpipe_operator.kinds import Kind, Manifest, Ref, ref_of

PAGE = 500
"""Objects in one answer to a list."""
TIMEOUT_S = 30.0
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""As RBAC rules call them."""


@dataclass(slots=True)
class _Counted:
    """One request, for its metric."""

    status: str = "none"


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
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        found: list[Manifest] = []
        while True:
            page = await self._send("GET", Ref(kind, namespace, ""), query)
            found += ({"apiVersion": kind.api_version, "kind": kind.kind} | item for item in page["items"])
            if not (more := page["metadata"].get("continue")):
                return found, int(page["metadata"]["resourceVersion"])
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
                found = await self._ask("GET", f"/apis/{api_version}", {}, None, "application/json", counted)
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
        path = ref.kind.path(ref.namespace, ref.name) + subresource
        verb = "list" if method == "GET" and not ref.name else _VERBS[method]
        with _counted(verb, ref.kind.kind) as counted:
            return await self._ask(method, path, query or {}, body, content_type, counted)

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: object, content_type: str, counted: _Counted
    ) -> Manifest:
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": names.FIELD_MANAGER}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        what = f"{method} {path}"
        FENCE.set(None if method == "GET" else self._fence)
        try:
            answer = await self._client.rest_client.request(  # type: ignore[no-untyped-call]  # it ships none
                method, url, headers=headers, body=body, _request_timeout=self._timeout
            )
            content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            found = str(error) or type(error).__name__
            raise Unavailable(what, "Unreachable", found) from error
        counted.status = str(answer.status)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise fault_of(what, answer.status, content)
        said: Manifest = json.loads(content)
        return said
