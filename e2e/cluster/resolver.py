"""Names of Services for pods that really run: a DNS server that answers from EndpointSlices, as a cluster's does.

It knows headless Services, since what a pod of ours calls by name is one: their ready addresses, none where a Service
has no ready pod, and no such name otherwise. Neighbours: ``containers`` starts programs, which ``resolving`` makes ask
this server and no other; ``addresses`` has an address for it.
"""

from __future__ import annotations

import shlex
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from socketserver import BaseRequestHandler, UDPServer

from e2e.cluster.client import Client
from e2e.cluster.watching import Watch

from mmpipe_operator.kinds import Kind, Manifest

ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
_PORT = 53
_HEADER = struct.Struct(">6H")
_QUESTION = struct.Struct(">2H")
_RECORD = struct.Struct(">3HIH")
_A, _INTERNET = 1, 1
_ANSWER, _NO_SUCH_NAME = 0x8400, 0x8403
_NAME_OF_THE_QUESTION = 0xC00C
_TTL_S = 1
_DOMAINS = (".svc.cluster.local", ".svc")

type Service = tuple[str, str]
"""Name and namespace."""


@dataclass(slots=True)
class Names:
    """Ready addresses of every Service; a watch keeps them."""

    _slices: dict[str, tuple[Service, tuple[str, ...]]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[str, ...] | None:
        """The addresses behind a name such as ``media-image.team``; None where there is no such Service."""
        for domain in _DOMAINS:
            name = name.removesuffix(domain)
        service, _, namespace = name.partition(".")
        found = [addresses for owner, addresses in tuple(self._slices.values()) if owner == (service, namespace)]
        return tuple(address for addresses in found for address in addresses) if found else None

    def seen(self, endpoint_slice: Manifest) -> None:
        metadata = endpoint_slice["metadata"]
        service = metadata.get("labels", {}).get("kubernetes.io/service-name", "")
        endpoints = endpoint_slice.get("endpoints") or ()
        ready = (each for each in endpoints if each.get("conditions", {}).get("ready", True))
        addresses = tuple(address for each in ready for address in each["addresses"])
        self._slices[metadata["uid"]] = (service, metadata["namespace"]), addresses

    def gone(self, endpoint_slice: Manifest) -> None:
        self._slices.pop(endpoint_slice["metadata"]["uid"], None)


@contextmanager
def answering(client: Client, address: str) -> Iterator[Names]:
    """A DNS server at an address, inside the block."""
    names = Names()

    class Asked(BaseRequestHandler):
        """One question."""

        def handle(self) -> None:
            packet, replying = self.request
            replying.sendto(answer(packet, names), self.client_address)

    watch = Watch(client, ENDPOINT_SLICE, names.seen, names.gone)
    with watch.following(), UDPServer((address, _PORT), Asked) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield names
        finally:
            server.shutdown()


def answer(packet: bytes, names: Names) -> bytes:
    """The reply to one question (RFC 1035): addresses to one for addresses, and to any other that there are none."""
    number = _HEADER.unpack_from(packet)[0]
    name, end = _name(packet, _HEADER.size)
    question = packet[_HEADER.size : end + _QUESTION.size]
    kind, _ = _QUESTION.unpack_from(packet, end)
    found = names.of(name)
    addresses = found if found and kind == _A else ()
    flags = _NO_SUCH_NAME if found is None else _ANSWER
    records = b"".join(
        _RECORD.pack(_NAME_OF_THE_QUESTION, _A, _INTERNET, _TTL_S, 4) + IPv4Address(each).packed for each in addresses
    )
    return _HEADER.pack(number, flags, 1, len(addresses), 0, 0) + question + records


def _name(packet: bytes, start: int) -> tuple[str, int]:
    """The name that begins there, and where it ends."""
    labels = []
    while length := packet[start]:
        labels.append(packet[start + 1 : start + 1 + length].decode())
        start += 1 + length
    return ".".join(labels).lower(), start + 1


def resolving(program: Path, address: str, folder: Path) -> Path:
    """A program of that name in the folder that asks the server at an address: it has a mount namespace of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = folder / "resolv.conf"
    ours.write_text(f"nameserver {address}\noptions timeout:1 attempts:2\n")
    inside = f'mount --bind {shlex.quote(str(ours))} /etc/resolv.conf && exec {shlex.quote(str(program))} "$@"'
    script = folder / program.name
    script.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(inside)} {script.name} "$@"\n')
    script.chmod(0o755)
    return script
