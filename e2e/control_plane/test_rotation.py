"""Certificates of the adapter change under load, and nobody notices: neither autoscalers nor a fresh handshake."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from e2e.cluster.client import ApiError, Client
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.metrics_api import ADAPTER, ROOT, SELECTOR, pods_of, served
from e2e.control_plane.releases import OPERATOR_IMAGE, Release, operator_image, succeeded

from mmpipe_operator.kinds import API_SERVICE, SECRET
from mmpipe_operator.scaling.api_service import OWN

SERVING_S, AUTHORITY_S = 18, 36
"""Renewed after 12 s and 24 s: a serving certificate twice and an authority once in the time below."""
LOAD_S = 35.0
PAUSE_S = 0.02


@pytest.fixture
def release(cluster: Cluster, crd: None, namespace: str) -> Iterator[Release]:  # noqa: ARG001  # it must be there
    cluster.kubelet.run(OPERATOR_IMAGE, operator_image())
    release = Release(cluster, namespace, values={"watchNamespaces": [namespace], "crds": {"enabled": False}})
    yield release
    succeeded(release.do("uninstall", "--ignore-not-found", "--no-hooks", "--wait"))


def test_certificates_and_their_authority_change_without_a_failed_request(release: Release) -> None:
    lives = {"MMPIPE_ADAPTER_SERVING_SECONDS": SERVING_S, "MMPIPE_ADAPTER_AUTHORITY_SECONDS": AUTHORITY_S}
    variables = [{"name": name, "value": str(value)} for name, value in lives.items()]
    succeeded(release.install({"metricsAdapter": {"extraEnv": variables}}))
    wait_for(lambda: served(release.cluster))

    with _load(release) as load:
        seen = _watched(release, LOAD_S)

    assert len(seen.chains) >= 3
    assert len(seen.authorities) >= 2
    assert load.faults == []
    assert load.asked > LOAD_S


def test_a_secret_that_was_emptied_is_filled_anew_without_a_failed_request(release: Release) -> None:
    succeeded(release.install({"metricsAdapter": {"extraEnv": [_short_looks()]}}))
    wait_for(lambda: served(release.cluster))
    before = _secret(release)

    with _load(release) as load:
        release.cluster.client.patch(SECRET, release.namespace, f"{ADAPTER}-tls", {"data": None})
        wait_for(lambda: _secret(release).get("tls.crt", before["tls.crt"]) != before["tls.crt"])
        new = base64.b64decode(_secret(release)["tls.crt"]).decode()
        addresses = [pod["status"]["podIP"] for pod in pods_of(release, SELECTOR)]
        wait_for(lambda: all(_shown(address) == new for address in addresses), 30)

    assert load.faults == []
    assert load.asked > 50


def _short_looks() -> dict[str, str]:
    """A certificate that is good for two minutes is looked at every four seconds."""
    return {"name": "MMPIPE_ADAPTER_SERVING_SECONDS", "value": "120"}


@dataclass(slots=True)
class Load:
    """What was asked, and what went wrong."""

    asked: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Seen:
    chains: set[str] = field(default_factory=set)
    authorities: set[str] = field(default_factory=set)


@contextmanager
def _load(release: Release) -> Iterator[Load]:
    """While the block runs: requests through the API server, and fresh handshakes with each replica as it does them."""
    load, over = Load(), threading.Event()
    client = release.cluster.client
    host = f"{ADAPTER}.{release.namespace}.svc"
    addresses = [pod["status"]["podIP"] for pod in pods_of(release, SELECTOR)]
    asks: list[Callable[[], object]] = [lambda: client.call("GET", ROOT)]
    asks += [lambda address=address: _shake(client, host, address) for address in addresses]  # type: ignore[misc]  # bound

    def ask(question: Callable[[], object]) -> None:
        while not over.wait(PAUSE_S):
            load.asked += 1
            try:
                question()
            except (ApiError, OSError) as error:
                load.faults.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=ask, args=(question,)) for question in asks]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _shake(client: Client, host: str, address: str) -> None:
    """A handshake that trusts what the APIService says now. Raises OSError where it fails."""
    bundle = base64.b64decode(client.get(API_SERVICE, "", OWN.name)["spec"]["caBundle"]).decode()
    trusting = ssl.create_default_context(cadata=bundle)
    with socket.create_connection((address, 6443), 5) as raw, trusting.wrap_socket(raw, server_hostname=host):
        pass


def _shown(address: str) -> str:
    """The certificate that a replica shows, whoever signed it."""
    return ssl.get_server_certificate((address, 6443))


def _secret(release: Release) -> dict[str, str]:
    found: dict[str, str] = release.cluster.client.get(SECRET, release.namespace, f"{ADAPTER}-tls").get("data") or {}
    return found


def _watched(release: Release, seconds: float) -> Seen:
    """What the Secret held in that time."""
    seen, until = Seen(), time.monotonic() + seconds
    while time.monotonic() < until:
        data = _secret(release)
        seen.chains.add(data["tls.crt"])
        seen.authorities.add(data["ca.crt"])
        time.sleep(0.5)
    return seen
