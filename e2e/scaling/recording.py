"""What becomes of the Deployments of a namespace, and when: every change that the API server tells of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.cluster.client import Client
from e2e.cluster.watching import Watch

from mmpipe_operator.kinds import DEPLOYMENT, Manifest

_PATIENCE_S = 240.0


@dataclass(frozen=True, slots=True)
class Change:
    """``at_s`` is on the monotonic clock; ``wanted`` is what the autoscaler set, ``ready`` what is there."""

    at_s: float
    deployment: str
    wanted: int
    ready: int


class Recording:
    """Of one namespace, from the start of its block on."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._watch = Watch(client, DEPLOYMENT, self._note, lambda _: None, namespace)
        self._changes: list[Change] = []
        self._news = threading.Condition()

    @contextmanager
    def following(self) -> Iterator[Recording]:
        with self._watch.following():
            yield self

    def now(self, deployment: str) -> Change:
        """How a Deployment is."""
        return next(change for change in reversed(self._changes) if change.deployment == deployment)

    def until(self, deployment: str, wanted: Callable[[int], bool], since_s: float) -> float:
        """Seconds from a moment until a Deployment was to have replicas of which this holds; waits for it."""
        with self._news:
            found = self._news.wait_for(lambda: self._first(deployment, wanted, since_s), _PATIENCE_S)
        assert found is not None, f"{deployment}: found {self.now(deployment)}, expected another scale within 4 minutes"
        return found.at_s - since_s

    def _first(self, deployment: str, wanted: Callable[[int], bool], since_s: float) -> Change | None:
        later = (each for each in self._changes if each.deployment == deployment and each.at_s >= since_s)
        return next((each for each in later if wanted(each.wanted)), None)

    def _note(self, deployment: Manifest) -> None:
        name, ready = deployment["metadata"]["name"], deployment.get("status", {}).get("readyReplicas", 0)
        with self._news:
            self._changes.append(Change(time.monotonic(), name, deployment["spec"]["replicas"], ready))
            self._news.notify_all()
