"""What tests talk to the API server with: JSON in, JSON out, and a typed error.

Who calls is what the kubeconfig says. Neighbours: ``kinds`` of the operator says where objects are, ``audit`` what was
asked. It decides nothing and retries nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from mmpipe_operator.kinds import Kind, Manifest

NAMESPACE = Kind("v1", "Namespace", "namespaces")
NODE = Kind("v1", "Node", "nodes")
JOB = Kind("batch/v1", "Job", "jobs")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


UNREACHABLE = (urllib3.exceptions.HTTPError, OSError)
"""No answer: the API server is away, as in tests that take it away."""


class ApiError(Exception):
    """What the API server refused: its HTTP status, reason (``NotFound``) and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Access:
    """What it takes to call an API server."""

    server: str
    authority: bytes
    headers: Mapping[str, str]
    tls: Mapping[str, Any]


def access(kubeconfig: Path) -> Access:
    """From a kubeconfig of any kind, those that run a program for a token included."""
    configuration = kubernetes_client.Configuration()
    kubernetes_config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]  # it ships none
    token = configuration.get_api_key_with_prefix("BearerToken")
    return Access(
        server=configuration.host,
        authority=Path(configuration.ssl_ca_cert).read_bytes() if configuration.ssl_ca_cert else b"",
        headers={"authorization": token} if token else {},
        tls={
            "ca_certs": configuration.ssl_ca_cert,
            "cert_file": configuration.cert_file,
            "key_file": configuration.key_file,
            "cert_reqs": "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
        },
    )


class Client:
    """Calls from any thread; paths are those of ``Kind.path``."""

    def __init__(self, kubeconfig: Path, connections: int = 16) -> None:
        self.kubeconfig = kubeconfig
        self.access = access(kubeconfig)
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, **self.access.tls)

    def close(self) -> None:
        self._pool.clear()

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        return self.call("GET", kind.path(namespace, name))

    def find(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """As ``get``, with None for what is not there."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str = "", **query: object) -> list[Manifest]:
        """Every object of a kind; ``labelSelector="a=b"`` and ``fieldSelector`` narrow it."""
        items = self.call("GET", _asking(kind.path(namespace), query))["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.kind} | item for item in items]

    def create(self, kind: Kind, manifest: Manifest, **query: object) -> Manifest:
        return self.call("POST", _asking(kind.path(manifest["metadata"].get("namespace", "")), query), manifest)

    def apply(self, kind: Kind, manifest: Manifest, manager: str = "e2e") -> Manifest:
        """Server-side apply."""
        metadata = manifest["metadata"]
        path = kind.path(metadata.get("namespace", ""), metadata["name"])
        return self.call("PATCH", path, manifest, APPLY, fieldManager=manager, force="true")

    def patch(
        self, kind: Kind, namespace: str, name: str, patch: object, *, content: str = MERGE, subresource: str = ""
    ) -> Manifest:
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return self.call("PATCH", path, patch, content)

    def delete(self, kind: Kind, namespace: str, name: str, **options: object) -> None:
        """``options`` are DeleteOptions (``gracePeriodSeconds=0``); what is gone already is no error."""
        try:
            self.call("DELETE", kind.path(namespace, name), options or None)
        except ApiError as error:
            if error.status != 404:
                raise

    def call(
        self, method: str, path: str, body: object = None, content: str = "application/json", **query: object
    ) -> Manifest:
        """One request; the answer's JSON. Raises ApiError where the server refuses."""
        with self._open(method, _asking(path, query), body, content) as answer:
            document: Manifest = json.loads(answer.data)
        return document

    @contextmanager
    def watch(self, path: str, **query: object) -> Iterator[Iterator[Manifest]]:
        """Events of a watch, ``{"type": ..., "object": ...}``, until the server or the block ends it."""
        query = {"watch": "true", "allowWatchBookmarks": "true"} | query
        with self._open("GET", _asking(path, query), None, "", stream=True) as answer:
            yield (json.loads(line) for line in _lines(answer))

    @contextmanager
    def _open(
        self, method: str, path: str, body: object, content: str, *, stream: bool = False
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        url = self.access.server + path
        headers = {"accept": "application/json", "content-type": content, **self.access.headers}
        data = None if body is None else json.dumps(body).encode()
        timeout = urllib3.Timeout(connect=10, read=None if stream else 60)
        answer = self._pool.request(
            method, url, body=data, headers=headers, preload_content=not stream, timeout=timeout
        )
        try:
            if answer.status >= 400:
                raise _error(answer)
            yield answer
        finally:
            if stream:
                answer.close()
            answer.release_conn()


def _asking(path: str, query: Mapping[str, object]) -> str:
    return path + (f"?{urlencode(query)}" if query else "")


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for piece in answer.stream(2**16):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _error(answer: urllib3.BaseHTTPResponse) -> ApiError:
    text = answer.data.decode(errors="replace")
    try:
        status = json.loads(text)
        return ApiError(answer.status, status.get("reason", ""), status.get("message", text))
    except ValueError:
        return ApiError(answer.status, "", text)
