"""gRPC's health service for a server of threads, in place of grpcio-health-checking's own.

That one sends while it holds the lock that its own close callback waits for, on the thread that would say "sent": a
client that goes while another comes stops the whole server (grpc/grpc#43403), and with connections renewed every minute
somebody always goes. Here no lock is held that a callback needs. It also answers on threads of its own, so that a
server whose threads are all at work is not taken for a dead one. grpc.aio servers use ``grpc_health.v1.health.aio``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

type Status = int
type Send = Callable[[HealthCheckResponse | None], None]

_ANSWERING = ThreadPoolExecutor(2, thread_name_prefix="mmpipe-health")


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpc_health ships no types
    """Whether this server and each of its services take calls; the empty name is the server."""

    def __init__(self) -> None:
        self._statuses: dict[str, Status] = {"": HealthCheckResponse.SERVING}
        self._stopping = False
        self._watchers: set[_Watcher] = set()
        self._lock = Lock()

    def set(self, service: str, status: Status) -> None:
        """What is said from now on, and to those who watch at once. Nothing, once it is stopping."""
        with self._lock:
            if self._stopping:
                return
            self._statuses[service] = status
        self._tell()

    def enter_graceful_shutdown(self) -> None:
        """NOT_SERVING, for every service and for good."""
        with self._lock:
            self._stopping = True
            self._statuses = dict.fromkeys(self._statuses, HealthCheckResponse.NOT_SERVING)
        self._tell()

    def Check(self, request: HealthCheckRequest, context: grpc.ServicerContext) -> HealthCheckResponse:  # noqa: N802
        """The status now; NOT_FOUND for a service that this server does not have."""
        if request.service not in self._statuses:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service}: no such service here")
        return HealthCheckResponse(status=self._status(request.service))

    def Watch(self, request: HealthCheckRequest, context: grpc.ServicerContext, send: Send) -> None:  # noqa: N802
        """The status now and whenever it changes, for as long as the client listens. Holds no thread."""
        watcher = _Watcher(request.service, send)
        with self._lock:
            self._watchers.add(watcher)
        watcher.tell(self._status)
        if not context.add_callback(lambda: self._leave(watcher)):
            self._leave(watcher)

    # How grpcio is told that a method sends by its third argument, and on which threads it runs.
    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]
    Watch.experimental_thread_pool = _ANSWERING  # type: ignore[attr-defined]
    Check.experimental_thread_pool = _ANSWERING  # type: ignore[attr-defined]

    def _status(self, service: str) -> Status:
        return self._statuses.get(service, int(HealthCheckResponse.SERVICE_UNKNOWN))

    def _tell(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher.tell(self._status)

    def _leave(self, watcher: _Watcher) -> None:
        """On gRPC's own thread, which must not wait: nobody sends while holding this lock."""
        with self._lock:
            self._watchers.discard(watcher)
        watcher.send(None)


@dataclass(slots=True, eq=False)
class _Watcher:
    """One client that listens. Its lock is for those who send, and makes the last word the newest status."""

    service: str
    send: Send
    told: Status | None = None
    lock: Lock = field(default_factory=Lock)

    def tell(self, status_of: Callable[[str], Status]) -> None:
        with self.lock:
            status = status_of(self.service)
            if status != self.told:
                self.told = status
                self.send(HealthCheckResponse(status=status))
