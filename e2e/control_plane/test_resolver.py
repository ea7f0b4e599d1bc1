"""The names that real pods of tests know: those of Services, as their EndpointSlices say, and no others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.cluster.resolver import ENDPOINT_SLICE, answering, resolving
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for

_ASK = "import socket, sys; print(*sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 1)}))"


@pytest.fixture
def program(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """A Python that asks our server."""
    address = cluster.kubelet.addresses.of(f"names-of-{namespace}")
    with answering(cluster.client, address):
        yield resolving(Path(sys.executable), address, tmp_path / "bin")


def test_a_name_is_the_ready_addresses_of_its_service(cluster: Cluster, namespace: str, program: Path) -> None:
    _publish(cluster, namespace, {"198.51.100.1": True, "198.51.100.2": False, "198.51.100.3": True})

    found = wait_for(lambda: _asked(program, f"media-image.{namespace}"))

    assert found == "198.51.100.1 198.51.100.3"
    assert _asked(program, f"media-image.{namespace}.svc.cluster.local") == found


def test_a_service_without_a_ready_pod_and_a_name_of_elsewhere_have_no_address(
    cluster: Cluster, namespace: str, program: Path
) -> None:
    _publish(cluster, namespace, {"198.51.100.1": False})

    assert _asked(program, f"media-image.{namespace}") == ""
    assert _asked(program, "example.com") == ""


def _publish(cluster: Cluster, namespace: str, addresses: dict[str, bool]) -> None:
    labels = {"kubernetes.io/service-name": "media-image"}
    endpoints = [{"addresses": [address], "conditions": {"ready": ready}} for address, ready in addresses.items()]
    head = {"apiVersion": ENDPOINT_SLICE.api_version, "kind": ENDPOINT_SLICE.kind, "addressType": "IPv4"}
    metadata = {"name": "media-image-1", "namespace": namespace, "labels": labels}
    cluster.client.create(ENDPOINT_SLICE, {**head, "metadata": metadata, "endpoints": endpoints, "ports": []})


def _asked(program: Path, name: str) -> str:
    """The addresses of a name; empty where it has none."""
    ended = subprocess.run([program, "-c", _ASK, name], capture_output=True, text=True, check=False, timeout=30)
    return ended.stdout.strip()
