"""Readiness probes of containers that really run: httpGet, tcpSocket, grpc and exec, roughly as a kubelet does."""

from __future__ import annotations

import socket
import subprocess
import urllib.request
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mmpipe_operator.kinds import Manifest

_TIMEOUT_S = 1.0


def answers(probe: Manifest | None, container: Manifest, moved: Callable[[str, str], str], address: str) -> bool:
    """Whether the container at an address is ready; one without a probe is."""
    if probe is None:
        return True
    if "httpGet" in probe:
        action = probe["httpGet"]
        return _http(f"http://{address}:{_port(action['port'], container)}{action.get('path', '/')}")
    if "grpc" in probe:
        return _grpc(f"{address}:{probe['grpc']['port']}", probe["grpc"].get("service", ""))
    if "tcpSocket" in probe:
        with socket.socket() as attempt:
            return attempt.connect_ex((address, _port(probe["tcpSocket"]["port"], container))) == 0
    command = [moved(word, address) for word in probe["exec"]["command"]]
    return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0


def _port(port: int | str, container: Manifest) -> int:
    named = {each.get("name"): each["containerPort"] for each in container.get("ports", ())}
    return port if isinstance(port, int) else int(named[port])


def _http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # http, as built above
            return bool(answer.status < 400)
    except OSError:
        return False


def _grpc(target: str, service: str) -> bool:
    with grpc.insecure_channel(target) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
