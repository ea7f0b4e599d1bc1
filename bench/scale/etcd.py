"""As much of etcd as copying takes, over its JSON gateway."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any

_AT_ONCE = 100
"""Puts in one transaction; etcd allows 128."""


@dataclass(frozen=True, slots=True)
class Etcd:
    """The one at this address."""

    url: str

    def under(self, prefix: str) -> dict[str, str]:
        """Every key that begins so, with its value."""
        start = prefix.encode()
        end = start[:-1] + bytes([start[-1] + 1])
        found = self._ask("range", {"key": _text(start), "range_end": _text(end)})
        return {_plain(each["key"]): _plain(each["value"]) for each in found.get("kvs", ())}

    def put(self, values: Iterable[tuple[str, str]]) -> None:
        """All of these."""
        for some in batched(values, _AT_ONCE):
            puts = [{"requestPut": {"key": _text(key.encode()), "value": _text(value.encode())}} for key, value in some]
            self._ask("txn", {"success": puts})

    def _ask(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/v3/kv/{what}", json.dumps(body).encode())  # noqa: S310  # http
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # as above
            found: dict[str, Any] = json.load(answer)
        return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _plain(text: str) -> str:
    return base64.b64decode(text).decode(errors="surrogateescape")
