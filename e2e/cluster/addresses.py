"""Addresses of pods: a network of this machine for each test cluster, so that a pod is reached where its status says.

Claiming a network is adding its first address to ``lo``, which makes all of it local; the kernel lets only one have it.
They come from the range that is kept for benchmarks (RFC 2544), which no machine should need otherwise. A claim is
labelled with its owner's process, and whoever comes next takes away what a killed one left. Neighbours: ``kubelet``
gives pods their addresses.
"""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from itertools import islice
from os import getpid
from pathlib import Path
from typing import Any

_RANGE = IPv4Network("198.18.0.0/15")
_PREFIX = 20
_FORBIDDEN = "Operation not permitted"
_REMEDY = (
    "run as root, in a container with --cap-add NET_ADMIN, or in a network of your own: "
    "unshare --map-root-user --net sh -c 'ip link set lo up && make e2e-control-plane'"
)


class Addresses:
    """Gives each pod one address of a network, and takes it back when the pod is gone."""

    def __init__(self, network: IPv4Network) -> None:
        self._network = network
        self._turn = threading.Lock()
        self._given: dict[str, str] = {}
        # The first is the network's own on lo. Those given back are used last: a pod's end may still be on its way.
        self._free = [str(address) for address in islice(network.hosts(), 1, None)]
        self._free.reverse()

    def of(self, uid: str) -> str:
        """A pod's address, the same until it is given back."""
        with self._turn:
            if uid not in self._given:
                assert self._free, f"{self._network}: found all addresses given to pods, expected one; run fewer pods"
                self._given[uid] = self._free.pop()
            return self._given[uid]

    def give_back(self, uid: str) -> None:
        with self._turn:
            address = self._given.pop(uid, None)
            if address is not None:
                self._free.insert(0, address)


@contextmanager
def claimed() -> Iterator[IPv4Network]:
    """A network that is this machine's inside the block, and nobody else's."""
    _sweep()
    networks = list(_RANGE.subnets(new_prefix=_PREFIX))
    network = next((each for each in random.sample(networks, len(networks)) if _claim(each)), None)
    assert network is not None, f"{_RANGE}: found every network taken, expected a free one; end other test sessions"
    try:
        yield network
    finally:
        _give_up(_first(network), getpid())


def _claim(network: IPv4Network) -> bool:
    ended = _address("add", _first(network), getpid())
    if _FORBIDDEN in ended.stderr:
        raise PermissionError(
            f"ip addr add {_first(network)} dev lo: found it forbidden, expected the right to; {_REMEDY}"
        )
    return ended.returncode == 0


def _sweep() -> None:
    """Take away what sessions have left that were killed."""
    for address in _on_loopback():
        owner = str(address.get("label", "")).removeprefix("lo:")
        if owner.isdecimal() and not Path("/proc", owner).exists():
            _give_up(f"{address['local']}/{address['prefixlen']}", int(owner))


def _on_loopback() -> list[dict[str, Any]]:
    command = ["ip", "-json", "-4", "address", "show", "dev", "lo"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    addresses: list[dict[str, Any]] = json.loads(said)[0]["addr_info"]
    return addresses


def _give_up(address: str, owner: int) -> None:
    """Nothing happens where it has gone, or is another's by now: the label is part of what is asked."""
    _address("delete", address, owner)


def _address(verb: str, address: str, owner: int) -> subprocess.CompletedProcess[str]:
    command = ["ip", "address", verb, address, "dev", "lo", "label", f"lo:{owner}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _first(network: IPv4Network) -> str:
    return f"{network[1]}/{network.prefixlen}"
