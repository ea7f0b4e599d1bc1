"""What the real API server says of an object; nothing is kept. ``model_verdict`` has what the model says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from e2e.cluster.client import ApiError, Client

from mmpipe_operator.kinds import PIPELINE, Manifest

_STRICT = {"dryRun": "All", "fieldValidation": "Strict"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The server's words, empty where it takes the object; ``took`` is what it would keep."""

    message: str
    took: Manifest | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server takes the object."""
        return self.took is not None

    def names(self, path: str) -> bool:
        """Whether the message says that the fault is at that path."""
        field = re.escape(path)
        return bool(re.search(rf'(^|[\s\[,]){field}: |unknown field "{field}"', self.message))


def judged(client: Client, namespace: str, documents: Iterable[Manifest]) -> list[Verdict]:
    """The server's verdicts on new objects, in their order."""
    return _side_by_side(lambda document: creation(client, namespace, document), documents)


def creation(client: Client, namespace: str, document: Manifest) -> Verdict:
    """The server's verdict on a new object."""
    return _asked(lambda: client.call("POST", PIPELINE.path(namespace), document, **_STRICT))


def change(client: Client, namespace: str, document: Manifest) -> Verdict:
    """The server's verdict on an object in the place of the one that is there."""
    path = PIPELINE.path(namespace, document["metadata"]["name"])
    return _asked(lambda: client.call("PUT", path, document, **_STRICT))


def status_change(client: Client, namespace: str, name: str, status: Manifest) -> Verdict:
    """The server's verdict on a status."""
    path = f"{PIPELINE.path(namespace, name)}/status"
    patch = {"status": status}
    return _asked(lambda: client.call("PATCH", path, patch, "application/merge-patch+json", **_STRICT))


def _asked(ask: Callable[[], Manifest]) -> Verdict:
    try:
        return Verdict("", ask())
    except ApiError as error:
        if error.status not in {400, 422}:
            raise
        return Verdict(error.message)


def _side_by_side(ask: Callable[[Manifest], Verdict], documents: Iterable[Manifest]) -> list[Verdict]:
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(ask, documents))
