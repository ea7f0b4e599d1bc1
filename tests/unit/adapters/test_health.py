"""Health for servers of threads: what probes and watching clients are told, and that nobody can stop the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from mmpipe.adapters.health import Health

NOT_SERVING, SERVING = HealthCheckResponse.NOT_SERVING, HealthCheckResponse.SERVING
THREADS = 2
TIMEOUT_S = 20.0


def test_a_new_server_serves_and_knows_no_other_name() -> None:
    with _served() as (_, stub):
        assert stub.Check(HealthCheckRequest()).status == SERVING
        with pytest.raises(grpc.RpcError, match="other: no such service here"):
            stub.Check(HealthCheckRequest(service="other"))


def test_who_watches_is_told_of_each_change_once() -> None:
    with _served() as (health, stub):
        told = stub.Watch(HealthCheckRequest(), timeout=TIMEOUT_S)
        assert next(told).status == SERVING
        health.set("", SERVING)
        health.set("", NOT_SERVING)
        assert next(told).status == NOT_SERVING
        told.cancel()


def test_who_watches_an_unknown_service_hears_of_it_when_it_comes() -> None:
    with _served() as (health, stub):
        told = stub.Watch(HealthCheckRequest(service="later"), timeout=TIMEOUT_S)
        assert next(told).status == HealthCheckResponse.SERVICE_UNKNOWN
        health.set("later", SERVING)
        assert next(told).status == SERVING
        told.cancel()


def test_a_stopping_server_says_so_for_good() -> None:
    with _served() as (health, stub):
        health.set("stage", SERVING)
        health.enter_graceful_shutdown()
        health.set("stage", SERVING)
        assert stub.Check(HealthCheckRequest()).status == NOT_SERVING
        assert stub.Check(HealthCheckRequest(service="stage")).status == NOT_SERVING


def test_health_answers_while_every_thread_of_the_server_is_at_work() -> None:
    begun, done = threading.Semaphore(0), threading.Event()

    def work(*_: object) -> None:
        begun.release()
        done.wait(TIMEOUT_S)

    with _served(work) as (_, stub):
        busy = [stub.work.future(b"") for _ in range(2 * THREADS)]
        assert all(begun.acquire(timeout=TIMEOUT_S) for _ in range(THREADS))
        assert stub.Check(HealthCheckRequest(), timeout=TIMEOUT_S / 2).status == SERVING
        assert next(stub.Watch(HealthCheckRequest(), timeout=TIMEOUT_S / 2)).status == SERVING
        done.set()
        assert [call.result(TIMEOUT_S) for call in busy] == [b""] * len(busy)


def test_watchers_that_come_and_go_while_the_status_changes_do_not_stop_the_server() -> None:
    with _served() as (health, stub):
        threads = [threading.Thread(target=_come_and_go, args=(stub,), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            _within(TIMEOUT_S, lambda: _changed(health))
        assert stub.Check(HealthCheckRequest(), timeout=TIMEOUT_S).status == SERVING


def test_a_watcher_that_left_is_forgotten() -> None:
    left = threading.Event()
    with _served() as (health, stub):
        told = stub.Watch(HealthCheckRequest(), timeout=TIMEOUT_S)
        next(told)
        (watcher,) = health._watchers  # noqa: SLF001  # nobody else could see that it is kept
        watcher.send = lambda _: left.set()
        told.cancel()
        assert left.wait(TIMEOUT_S)
        assert not health._watchers  # noqa: SLF001  # as above


def _changed(health: Health) -> None:
    health.set("", NOT_SERVING)
    health.set("", SERVING)


def _come_and_go(stub: health_pb2_grpc.HealthStub) -> None:
    for _ in range(100):
        told = stub.Watch(HealthCheckRequest(), timeout=TIMEOUT_S)
        next(told)
        told.cancel()


def _within(timeout_s: float, does: Callable[[], object]) -> None:
    """A deadlock fails the test instead of hanging it."""
    thread = threading.Thread(target=does, daemon=True)
    thread.start()
    thread.join(timeout_s)
    assert not thread.is_alive()


@contextmanager
def _served(work: Callable[..., object] = lambda *_: None) -> Iterator[tuple[Health, Any]]:
    """A server with few threads, and a stub for its health, whose ``work`` calls a method that takes a thread."""
    server, health = grpc.server(ThreadPoolExecutor(THREADS)), Health()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    handler: Any = grpc.unary_unary_rpc_method_handler(lambda *call: (work(*call), b"")[1])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mmpipe.v1.Test", {"Work": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        stub.work = channel.unary_unary("/mmpipe.v1.Test/Work")
        yield health, stub
    server.stop(None).wait(TIMEOUT_S)
