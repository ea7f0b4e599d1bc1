"""A list and a watch of one kind in a thread, begun anew whenever the watch ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from e2e.cluster.client import UNREACHABLE, ApiError, Client

from mmpipe_operator.kinds import Kind, Manifest

_AGAIN_S = 0.2
_FAULTS = (ApiError, *UNREACHABLE)


class Watch:
    """Calls ``seen`` with each object that is there or has changed and ``gone`` with each that was deleted.

    Of one namespace, or of all.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        seen: Callable[[Manifest], None],
        gone: Callable[[Manifest], None],
        namespace: str = "",
    ) -> None:
        self._client = client
        self._path = kind.path(namespace)
        self._seen = seen
        self._gone = gone
        self._known: dict[str, Manifest] = {}
        self._over = threading.Event()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Inside the block; at its start all that is there has been seen. The thread ends with its stream, later."""
        thread = threading.Thread(target=self._follow, args=(self._list(),), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    def _follow(self, version: str) -> None:
        while not self._over.is_set():
            try:
                version = self._watch(version) or self._list()
            except _FAULTS:
                self._over.wait(_AGAIN_S)

    def _watch(self, version: str) -> str:
        """Where to go on when the stream has ended; empty where the server has forgotten that place."""
        with self._client.watch(self._path, resourceVersion=version) as events:
            for event in events:
                if self._over.is_set() or event["type"] == "ERROR":
                    return ""
                self._take(event)
                version = event["object"]["metadata"]["resourceVersion"]
        return version

    def _take(self, event: Manifest) -> None:
        found = event["object"]
        if event["type"] == "BOOKMARK":
            return
        if event["type"] == "DELETED":
            self._known.pop(found["metadata"]["uid"], None)
            self._gone(found)
        else:
            self._known[found["metadata"]["uid"]] = found
            self._seen(found)

    def _list(self) -> str:
        answer = self._client.call("GET", self._path)
        now = {item["metadata"]["uid"]: item for item in answer["items"]}
        before, self._known = self._known, now
        for uid in before.keys() - now.keys():
            self._gone(before[uid])
        for item in now.values():
            self._seen(item)
        return str(answer["metadata"]["resourceVersion"])
