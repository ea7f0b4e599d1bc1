from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mmpipe.adapters import channels, rpc_faults
from mmpipe.adapters.channels import Credentials, Dialling, Listening
from mmpipe.adapters.health import Health

CALL = "/mmpipe.v1.Test/Call"
TIMEOUT_S = 20.0

type Answer = Callable[[bytes, grpc.ServicerContext], bytes]


def test_a_rolling_restart_without_grace_fails_no_call() -> None:
    seen: Counter[str] = Counter()
    with _two("a", "b") as (first, second), channels.sync_channel(_several(first, second)) as channel:
        first.answer, second.answer = _working(first), _working(second)
        with _load(channel, seen):
            for replica in (first, second, first):
                _until(lambda: first.calls > 20 and second.calls > 20)
                replica.restart()
            _until(lambda: first.calls > 20 and second.calls > 20)
        assert set(seen) == {"a", "b"}


def test_a_killed_process_fails_no_call() -> None:
    seen: Counter[str] = Counter()
    with _two("a", "b") as (first, _), _process() as (killed, port):
        with channels.sync_channel(f"{_several(first)},127.0.0.1:{port}") as channel, _load(channel, seen):
            _until(lambda: seen["process"] > 20)
            killed.kill()
            killed.wait(TIMEOUT_S)
            first.calls = 0
            _until(lambda: first.calls > 20)
        assert set(seen) == {"a", "process"}


def test_without_the_retry_a_restart_does_fail_calls() -> None:
    seen: Counter[str] = Counter()
    with (
        _two("a", "b") as (first, second),
        grpc.insecure_channel(
            _several(first, second), _with_service_config(loadBalancingConfig=[{"round_robin": {}}])
        ) as channel,
        _load(channel, seen),
    ):
        first.answer = _working(first)
        _until(lambda: seen["a"] > 0 and seen["b"] > 0)
        first.restart()
        _until(lambda: seen["UNAVAILABLE"] > 0)


def test_calls_go_round_all_replicas() -> None:
    with _two("a", "b") as (first, second), channels.sync_channel(_several(first, second)) as channel:
        _until(lambda: len({_call(channel) for _ in range(4)}) == 2)
        assert Counter(_call(channel) for _ in range(20)) == {"a": 10, "b": 10}


def test_a_replica_that_says_it_is_not_serving_gets_no_calls() -> None:
    with _two("a", "b") as (first, second), channels.sync_channel(_several(first, second)) as channel:
        _until(lambda: {_call(channel) for _ in range(4)} == {"a", "b"})
        first.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        _until(lambda: {_call(channel) for _ in range(4)} == {"b"})
        first.health.set("", health_pb2.HealthCheckResponse.SERVING)
        _until(lambda: {_call(channel) for _ in range(4)} == {"a", "b"})


def test_a_replica_that_only_fails_is_left_out_for_a_while() -> None:
    quick = Dialling(ejection_interval_s=0.1, ejection_s=60)
    with _two("a", "b") as (first, second), channels.sync_channel(_several(first, second), dialling=quick) as channel:
        _until(lambda: {_call(channel) for _ in range(4)} == {"a", "b"})
        second.answer = _failing(grpc.StatusCode.INTERNAL)
        _until(lambda: {_call(channel) for _ in range(20)} == {"a"})


def test_two_replicas_that_both_fail_are_not_both_left_out() -> None:
    seen: Counter[str] = Counter()
    quick = Dialling(ejection_interval_s=0.05, ejection_s=60)
    with _two("a", "b") as (first, second), channels.sync_channel(_several(first, second), dialling=quick) as channel:
        first.answer = second.answer = _failing(grpc.StatusCode.INTERNAL)
        with _load(channel, seen):
            _until(lambda: seen["INTERNAL"] > 2000 or len(seen) > 1)
        assert set(seen) == {"INTERNAL"}


@pytest.mark.parametrize("size", [100, 300_000, 10_000_000])
def test_a_call_of_any_size_is_tried_once_more_where_it_was_unavailable(size: int) -> None:
    with _replica("a") as replica, channels.sync_channel(replica.address) as channel:
        replica.answer = _failing_once(replica)
        assert _call(channel, b"x" * size) == str(size)


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL])
def test_the_channel_tries_nothing_else_again(code: grpc.StatusCode) -> None:
    with _replica("a") as replica, channels.sync_channel(replica.address) as channel:
        replica.answer = _failing(code)
        assert _call(channel) == code.name
        assert replica.calls == 1


def test_a_service_that_is_down_uses_up_the_second_attempts() -> None:
    poor = Dialling(backoff_s=0.01, retry_tokens=20)
    with _replica("a") as replica, channels.sync_channel(replica.address, dialling=poor) as channel:
        replica.answer = _failing(grpc.StatusCode.UNAVAILABLE)
        assert [_call(channel) for _ in range(100)] == ["UNAVAILABLE"] * 100
        assert 100 < replica.calls <= 110


def test_a_pause_in_which_grpc_loses_calls_is_refused() -> None:
    with pytest.raises(ValueError, match=r"backoff_s: found 0\.001; expected at least 0\.01"):
        Dialling(backoff_s=0.001)


def test_a_message_over_the_default_limit_of_grpc_passes_both_ways() -> None:
    with _replica("a") as replica, channels.sync_channel(replica.address) as channel:
        replica.answer = lambda request, _: request
        assert len(_call(channel, b"x" * (20 * 2**20))) == 20 * 2**20


def test_a_message_over_our_limit_is_refused_before_it_travels() -> None:
    with _replica("a") as replica, channels.sync_channel(replica.address) as channel:
        replica.answer = _size
        assert _call(channel, b"x" * (channels.MAX_MESSAGE_BYTES + 1)) == "RESOURCE_EXHAUSTED"


def test_an_aio_channel_calls_an_aio_server_by_the_same_options() -> None:
    assert asyncio.run(_echo_by_aio(b"x" * (5 * 2**20))) == 5 * 2**20


def test_a_server_ends_only_connections_that_ping_more_often_than_it_says() -> None:
    with (
        _replica("a", Listening(min_ping_s=0.01)) as patient,
        _replica("a", Listening(min_ping_s=10)) as strict,
        _quiet(patient) as tolerated,
        _quiet(strict) as sent_away,
    ):
        kept, ended = _lost(tolerated), _lost(sent_away)
        assert ended.wait(TIMEOUT_S)
        assert not kept.wait(0.5)


def test_by_default_a_client_pings_less_often_than_a_server_tolerates() -> None:
    assert Dialling().keepalive_s > Listening().min_ping_s


def test_a_connection_of_age_is_renewed_and_no_call_fails() -> None:
    seen: Counter[str] = Counter()
    with _replica("a", Listening(max_age_s=0.2)) as replica, channels.sync_channel(replica.address) as channel:
        replica.answer = lambda _, context: (context.peer() or "").encode()
        with _load(channel, seen):
            _until(lambda: len(seen) > 3)
        assert all(":" in peer for peer in seen)


def test_an_address_that_another_server_has_is_refused() -> None:
    with _replica("a") as replica, pytest.raises(channels.AddressRefused, match=r"expected a free address"):
        channels.listen(grpc.server(ThreadPoolExecutor(1), options=channels.server_options()), replica.address)


def test_the_service_config_is_json_and_tries_no_call_more_than_twice() -> None:
    config = json.loads(dict(channels.channel_options(Dialling()))["grpc.service_config"])
    (method,) = config["methodConfig"]
    assert method["retryPolicy"]["maxAttempts"] == 2
    assert {grpc.StatusCode[code] for code in method["retryPolicy"]["retryableStatusCodes"]} == rpc_faults.UNANSWERED


def test_mutual_tls_lets_a_signed_client_in_and_refuses_others(tmp_path: Path) -> None:
    authority, stranger = _Authority(tmp_path / "ours"), _Authority(tmp_path / "theirs")
    server = authority.signed("localhost")
    with _replica("a", credentials=server) as replica:
        assert _call_with(authority.signed("client"), replica) == "a"
        assert _call_with(Credentials(authority.certificate, server_name="localhost"), replica) == "UNAVAILABLE"
        assert _call_with(stranger.signed("client", trusting=authority), replica) == "UNAVAILABLE"
        assert _call_with(None, replica) == "UNAVAILABLE"


def test_a_client_refuses_a_server_that_its_authority_did_not_sign(tmp_path: Path) -> None:
    authority, stranger = _Authority(tmp_path / "ours"), _Authority(tmp_path / "theirs")
    one_way = Credentials(None, *stranger.pair("localhost"))
    with _replica("a", credentials=one_way) as replica:
        assert _call_with(Credentials(authority.certificate, server_name="localhost"), replica) == "UNAVAILABLE"
        assert _call_with(Credentials(stranger.certificate, server_name="localhost"), replica) == "a"


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(Credentials(b"a", b"c", b"secret"))


@dataclass
class _Replica(grpc.GenericRpcHandler):
    """A server that can be killed and come back under its address."""

    name: str
    listening: Listening
    credentials: Credentials | None
    port: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        self.answer: Answer = lambda *_: self.name.encode()
        self.start()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        return grpc.unary_unary_rpc_method_handler(self._answered) if details.method == CALL else None

    def _answered(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.calls += 1
        return self.answer(request, context)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = grpc.server(ThreadPoolExecutor(16), options=channels.server_options(self.listening))
        self.health = Health()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.server.add_generic_rpc_handlers((self,))
        self.port = channels.listen(self.server, self.address, self.credentials)
        self.server.start()

    def restart(self) -> None:
        self.stop()
        self.calls = 0
        self.start()

    def stop(self) -> None:
        self.server.stop(None).wait(TIMEOUT_S)


@contextmanager
def _replica(
    name: str, listening: Listening | None = None, credentials: Credentials | None = None
) -> Iterator[_Replica]:
    replica = _Replica(name, listening or Listening(), credentials)
    yield replica
    replica.stop()


@contextmanager
def _two(*names: str) -> Iterator[tuple[_Replica, ...]]:
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_replica(name)) for name in names)


@contextmanager
def _process() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, which answers "process", and its port."""
    arguments = [sys.executable, "-c", _PROCESS]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


_PROCESS = """
import time
from concurrent.futures import ThreadPoolExecutor
import grpc
from grpc_health.v1 import health_pb2_grpc
from mmpipe.adapters import channels
from mmpipe.adapters.health import Health

def answer(request, context):
    time.sleep(0.01)
    return b"process"

server = grpc.server(ThreadPoolExecutor(16), options=channels.server_options())
health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
handler = grpc.unary_unary_rpc_method_handler(answer)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mmpipe.v1.Test", {"Call": handler}),))
port = channels.listen(server, "127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
"""


def _several(*replicas: _Replica) -> str:
    return "ipv4:" + ",".join(replica.address for replica in replicas)


def _with_service_config(**config: object) -> list[tuple[str, Any]]:
    return [("grpc.service_config", json.dumps(config)), ("grpc.enable_retries", 0)]


def _call(channel: grpc.Channel, request: bytes = b"") -> str:
    """What was answered, or the name of the status."""
    call: Any = channel.unary_unary(CALL)
    try:
        return str(call(request, timeout=TIMEOUT_S).decode())
    except grpc.RpcError as error:
        return str(error.code().name)


def _call_with(credentials: Credentials | None, replica: _Replica) -> str:
    with channels.sync_channel(replica.address, credentials) as channel:
        return _call(channel)


def _working(replica: _Replica) -> Answer:
    """Calls that take a while, so that some are in flight when the replica is killed."""
    never = threading.Event()
    return lambda *_: (never.wait(0.01), replica.name.encode())[1]


def _failing(code: grpc.StatusCode) -> Answer:
    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, "told to fail")

    return answer


def _failing_once(replica: _Replica) -> Answer:
    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        replica.answer = _size
        context.abort(grpc.StatusCode.UNAVAILABLE, "told to fail once")

    return answer


def _size(request: bytes, _: grpc.ServicerContext) -> bytes:
    return str(len(request)).encode()


@contextmanager
def _load(channel: grpc.Channel, seen: Counter[str]) -> Iterator[None]:
    """Eight threads that call without a pause and count what they are answered."""
    stopped = threading.Event()

    def calling() -> None:
        while not stopped.is_set():
            seen[_call(channel)] += 1

    threads = [threading.Thread(target=calling) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join(TIMEOUT_S)


def _until(holds: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(round(TIMEOUT_S / 0.01)):
        if holds():
            return
        tick.wait(0.01)
    pytest.fail("found it false for long; expected it to become true")


def _quiet(replica: _Replica) -> grpc.Channel:
    """A channel that pings often, without the stream by which ours watch the health of a server."""
    options = channels.channel_options(Dialling(keepalive_s=0.05))
    return grpc.insecure_channel(replica.address, [option for option in options if option[0] != "grpc.service_config"])


def _lost(channel: grpc.Channel) -> threading.Event:
    """Set when the connection, which is quiet from now on, is lost."""
    assert _call(channel) == "a"
    lost = threading.Event()
    connected = threading.Event()
    channel.subscribe(lambda state: (connected if state is grpc.ChannelConnectivity.READY else lost).set())
    assert connected.wait(TIMEOUT_S)
    lost.clear()
    return lost


async def _echo_by_aio(request: bytes) -> int:
    async def answer(message: bytes, _: object) -> bytes:
        return message

    server = grpc.aio.server(options=channels.server_options())
    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mmpipe.v1.Test", {"Call": handler}),))
    port = channels.listen(server, "127.0.0.1:0")
    await server.start()
    async with channels.aio_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.unary_unary(CALL)
        answered = await call(request, timeout=TIMEOUT_S)
    await server.stop(None)
    return len(answered)


class _Authority:
    """Signs certificates by the `openssl` command."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._openssl("ecparam", "-name", "prime256v1", "-out", "params")
        self._certify("authority")

    @property
    def certificate(self) -> bytes:
        return (self.folder / "authority.pem").read_bytes()

    def signed(self, name: str, trusting: _Authority | None = None) -> Credentials:
        return Credentials((trusting or self).certificate, *self.pair(name), server_name="localhost")

    def pair(self, name: str) -> tuple[bytes, bytes]:
        signed = ["-CA", "authority.pem", "-CAkey", "authority.key", "-addext", f"subjectAltName=DNS:{name}"]
        self._certify(name, *signed)
        return (self.folder / f"{name}.pem").read_bytes(), (self.folder / f"{name}.key").read_bytes()

    def _certify(self, name: str, *signed: str) -> None:
        new = ["req", "-x509", "-newkey", "ec:params", "-nodes", "-days", "1", "-subj", f"/CN={name}"]
        self._openssl(*new, "-out", f"{name}.pem", "-keyout", f"{name}.key", *signed)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
