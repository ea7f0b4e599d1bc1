"""What was asked of the API server, by whom, and how it answered: its audit log, read by offset.

Only a control plane of our own has one. Neighbours: ``control_plane`` says what is logged.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster.client import Client
from e2e.cluster.waiting import wait_for

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request."""

    time: str
    user: str
    credential: str
    """Which token of the user (``JTI=...``); empty for certificates."""
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int

    @property
    def writes(self) -> bool:
        return self.verb in WRITES

    @property
    def what(self) -> str:
        """``patch deployments.apps/scale``, without which one."""
        group = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{group}" + (f"/{self.subresource}" if self.subresource else "")


class AuditLog:
    """The log of one control plane."""

    def __init__(self, path: Path, client: Client) -> None:
        self._path = path
        self._client = client

    def mark(self) -> int:
        """A place in the log: everything that was answered before this call lies before it."""
        token = uuid.uuid4().hex
        self._client.call("GET", "/version", mark=token)
        return wait_for(lambda: self._find(token.encode()))

    def between(self, start: int, end: int | None = None, user: str = "") -> list[Request]:
        """Requests from one mark to another (or to now), of one user or of all."""
        stop = self.mark() if end is None else end
        with self._path.open("rb") as log:
            log.seek(start)
            lines = log.read(stop - start).splitlines()
        return [request for request in map(_request, map(json.loads, lines)) if user in ("", request.user)]

    def _find(self, token: bytes) -> int:
        """Where the line with the token ends; 0 where it is not there yet."""
        with self._path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - 2**22))
            start, tail = log.tell(), log.read()
        at = tail.rfind(token)
        return start + tail.find(b"\n", at) + 1 if at >= 0 else 0


def writes(requests: Iterable[Request]) -> list[Request]:
    return [request for request in requests if request.writes]


def count(requests: Iterable[Request]) -> dict[str, int]:
    """How often each verb was asked of each resource, most frequent first."""
    return dict(Counter(request.what for request in requests).most_common())


def _request(event: dict[str, Any]) -> Request:
    target = event.get("objectRef", {})
    return Request(
        time=event["requestReceivedTimestamp"],
        user=event["user"].get("username", ""),
        credential=_credential(event["user"].get("extra", {})),
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=target.get("resource", event["requestURI"].split("?")[0]),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
    )


def _credential(extra: dict[str, list[str]]) -> str:
    return next(iter(extra.get("authentication.kubernetes.io/credential-id", ())), "")
