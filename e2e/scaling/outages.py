"""What an adapter that is away holds up: namespaces that are to be deleted meanwhile, and nothing else."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

from e2e.cluster.client import NAMESPACE
from e2e.cluster.waiting import wait_for
from e2e.control_plane.scaled import Autoscaling

GONE_S = 90.0
"""Until a namespace is gone whose deletion began as the adapters went: 30 s until the operator takes their registration
away, up to 30 s until the namespace controller tries again; or 60 s until the API server gives up what it sent to an
adapter that hangs. And a busy machine."""
WAYS = ("stopped", "frozen")


def end(scaling: Autoscaling, way: str) -> None:
    """Both adapters are away from now on: their pods gone, or their processes frozen."""
    if way == "frozen":
        send(scaling, signal.SIGSTOP)
    else:
        scaling.run_adapters(0)


def begin(scaling: Autoscaling, way: str) -> None:
    """They may work again; returns when the API server has them."""
    if way == "frozen":
        send(scaling, signal.SIGCONT)
    else:
        scaling.run_adapters(2)
    wait_for(scaling.available, GONE_S)


def send(scaling: Autoscaling, number: signal.Signals) -> None:
    """A signal to the process of each adapter."""
    for pod in scaling.adapters():
        scaling.cluster.kubelet.send(scaling.release.namespace, pod["metadata"]["name"], number)


def delete_namespace(scaling: Autoscaling) -> None:
    """Begin with one that nobody needs, and wait until it is gone."""
    name = scaling.cluster.new_namespace("unneeded")
    scaling.cluster.client.delete(NAMESPACE, "", name)

    def gone() -> bool:
        found = scaling.cluster.client.find(NAMESPACE, "", name)
        assert found is None, f"it says {found['status']}"
        return True

    wait_for(gone, GONE_S)


def outages(scaling: Autoscaling) -> Iterator[tuple[str, float, float]]:
    """Each way to be away, with how long a deletion took meanwhile, and until the API was back: seconds."""
    for way in WAYS:
        end(scaling, way)
        held_s = timed(lambda: delete_namespace(scaling))
        yield way, held_s, timed(lambda: begin(scaling, way))  # noqa: B023  # called in this turn only


def timed(act: Callable[[], None]) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    act()
    return time.monotonic() - began
