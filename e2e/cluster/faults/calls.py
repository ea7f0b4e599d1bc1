"""One call to the API server as the proxy sees it, and what may be answered in the server's place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Answer:
    """Status, headers and body; a status of 0 stands for none: the connection ends without one."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


NO_ANSWER = Answer(0)


@dataclass(slots=True)
class Call:
    """``status`` is what the caller was answered: None while it waits, 0 for a connection that ended."""

    index: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in {"true", "1"} and not self.streams

    @property
    def streams(self) -> bool:
        """Whether it is a list that comes as the beginning of a watch."""
        return self.query.get("sendInitialEvents") == "true"

    @property
    def writes(self) -> bool:
        return self.method in _WRITES

    @property
    def about(self) -> str:
        """The plural name of what it is about: ``deployments``; ``group`` for discovery."""
        words = self.path.strip("/").split("/")
        rest = words[2:] if words[0] == "api" else words[3:]
        rest = rest[2:] if rest[:1] == ["namespaces"] and len(rest) > 2 else rest
        return rest[0] if rest else "group"

    @property
    def lists(self) -> bool:
        """Whether it asks for a collection as it is now."""
        return self.method == "GET" and not self.watches and self.path.endswith("/" + self.about)

    @property
    def elects(self) -> bool:
        """Whether it is about who leads: such calls come by the clock, whatever happens."""
        return self.about == "leases"

    def __str__(self) -> str:
        return f"#{self.index} {'WATCH' if self.watches else self.method} {self.path}"


def refusal(status: int, reason: str, message: str, **headers: str) -> Answer:
    """As the API server words it; underscores in names of headers are hyphens."""
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    said = document | {"reason": reason, "message": message, "code": status}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(said).encode(), {"Content-Type": "application/json", **named})
