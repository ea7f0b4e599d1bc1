from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2
from grpc import StatusCode

from mmpipe.adapters import rpc_faults
from mmpipe.adapters.rpc_faults import CallFault, fault
from mmpipe.v1.error_pb2 import Fault, Reason

CATALOGUE = Path(__file__).parents[3] / "protos" / "mmpipe" / "v1" / "error.proto"

FULL = fault(
    StatusCode.RESOURCE_EXHAUSTED,
    Reason.REASON_QUEUE_FULL,
    "queue: found 256 items waiting; expected fewer; come again",
    retry_after_s=0.25,
    metadata={"stage": "image"},
)
BAD_FIELD = fault(
    StatusCode.INVALID_ARGUMENT, Reason.REASON_BAD_FIELD, "items[3]: found none; expected one; send it", "items[3]"
)
NOT_SERVING = fault(StatusCode.UNAVAILABLE, Reason.REASON_NOT_SERVING, "stopping", retry_after_s=1.0)
DEPENDENCY = fault(
    StatusCode.UNAVAILABLE, Reason.REASON_DEPENDENCY_DOWN, "no Milvus", "", 2.5, {"dependency": "milvus"}
)


def test_the_table_holds_every_reason_with_the_code_that_its_comment_in_the_catalogue_names() -> None:
    documented = re.findall(r"// ([A-Z_]+): [^\n]*\n\s+(REASON_\w+) = ", CATALOGUE.read_text())
    assert {Reason.Value(name): StatusCode[code] for code, name in documented} == dict(rpc_faults.STATUS)
    assert set(Reason.values()) - set(rpc_faults.STATUS) == {Reason.REASON_UNSPECIFIED}


def test_a_reason_of_a_newer_server_has_an_unknown_code() -> None:
    assert rpc_faults.decode(Fault(reason=999, message="new")).code is StatusCode.UNKNOWN  # type: ignore[arg-type]  # open enum


def test_a_fault_with_a_code_that_the_catalogue_does_not_give_is_a_bug() -> None:
    with pytest.raises(ValueError, match="REASON_QUEUE_FULL: found UNAVAILABLE; expected RESOURCE_EXHAUSTED"):
        fault(StatusCode.UNAVAILABLE, Reason.REASON_QUEUE_FULL, "full")


@pytest.mark.parametrize("sent", [FULL, BAD_FIELD, NOT_SERVING, DEPENDENCY])
def test_a_sync_client_reads_what_a_sync_server_aborted_with(sent: CallFault) -> None:
    with _server(lambda context: rpc_faults.abort(context, sent)) as address:
        assert rpc_faults.read(_refused(address)) == sent


@pytest.mark.parametrize("sent", [FULL, BAD_FIELD, NOT_SERVING, DEPENDENCY])
def test_an_aio_client_reads_what_an_aio_server_aborted_with(sent: CallFault) -> None:
    assert rpc_faults.read(asyncio.run(_refused_by_aio(sent))) == sent


@pytest.mark.parametrize(("sent", "told"), [(FULL, "250"), (DEPENDENCY, "-1"), (NOT_SERVING, None), (BAD_FIELD, None)])
def test_grpcs_own_retry_is_told_when_or_not_to_try_again(sent: CallFault, told: str | None) -> None:
    with _server(lambda context: rpc_faults.abort(context, sent)) as address:
        assert _trailers(_refused(address)).get(rpc_faults.PUSHBACK) == told


def test_grpcs_own_retry_is_not_told_a_pause_in_which_it_loses_the_call() -> None:
    with _server(lambda context: rpc_faults.abort(context, replace(FULL, retry_after_s=0.0004))) as address:
        assert _trailers(_refused(address))[rpc_faults.PUSHBACK] == "10"


def test_a_status_without_details_is_read_by_its_code_and_message() -> None:
    with _server(lambda context: context.abort(StatusCode.NOT_FOUND, "gone")) as address:
        assert rpc_faults.read(_refused(address)) == CallFault(StatusCode.NOT_FOUND, Reason.REASON_UNSPECIFIED, "gone")


def test_a_dead_address_is_unavailable() -> None:
    read = rpc_faults.read(_refused("127.0.0.1:1"))
    assert (read.code, read.reason) == (StatusCode.UNAVAILABLE, Reason.REASON_UNSPECIFIED)


@pytest.mark.parametrize("details", [b"\xff\xff", status_pb2.Status(code=3, message="another").SerializeToString()])
def test_damaged_or_foreign_details_do_not_hide_the_status(details: bytes) -> None:
    def answer(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(StatusCode.UNAVAILABLE, "stopping")

    with _server(answer) as address:
        assert rpc_faults.read(_refused(address)).code is StatusCode.UNAVAILABLE


def test_a_reason_of_another_domain_is_none_of_ours() -> None:
    status = rpc_faults.to_status(FULL)
    status.details[0].value = status.details[0].value.replace(b"mmpipe.dev", b"others.dev")
    assert rpc_faults.from_status(status).reason == Reason.REASON_UNSPECIFIED


def test_an_error_that_is_no_call_is_unknown() -> None:
    read = rpc_faults.read(grpc.RpcError("what"))
    assert read == CallFault(StatusCode.UNKNOWN, Reason.REASON_UNSPECIFIED, "what")


def test_the_details_are_those_that_every_client_knows() -> None:
    kinds = [detail.TypeName() for detail in rpc_faults.to_status(replace(FULL, field="samples[0]")).details]
    assert kinds == ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"]


@pytest.mark.parametrize("sent", [FULL, BAD_FIELD, NOT_SERVING])
def test_a_fault_of_a_sample_comes_back_from_the_body(sent: CallFault) -> None:
    wire = Fault.FromString(rpc_faults.encode(sent).SerializeToString())
    assert rpc_faults.decode(wire) == replace(sent, metadata={})


def test_no_answer_and_a_time_to_come_again_are_worth_another_try() -> None:
    unanswered = CallFault(StatusCode.UNAVAILABLE, Reason.REASON_UNSPECIFIED, "Connection refused")
    over_limit = CallFault(StatusCode.RESOURCE_EXHAUSTED, Reason.REASON_UNSPECIFIED, "Received message larger than max")
    cut_off = CallFault(StatusCode.CANCELLED, Reason.REASON_UNSPECIFIED, "")
    assert all(each.transient for each in (unanswered, cut_off, FULL))
    assert not any(each.transient for each in (over_limit, BAD_FIELD))


def test_clients_errors_and_full_queues_do_not_speak_against_a_dependency() -> None:
    against = {code for code in StatusCode if CallFault(code, Reason.REASON_UNSPECIFIED, "").of_dependency}
    assert {code.name for code in against} == {"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN"}


class _Answering(grpc.GenericRpcHandler):
    """Answers every method by one function of the context."""

    def __init__(self, answer: Callable[[Any], object]) -> None:
        self.answer = answer

    def service(self, _: object) -> grpc.RpcMethodHandler[Any, Any]:
        return grpc.unary_unary_rpc_method_handler(lambda _, context: self.answer(context))


@contextmanager
def _server(answer: Callable[[grpc.ServicerContext], object]) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((_Answering(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def _refused(address: str) -> grpc.RpcError:
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary("/mmpipe.v1.Any/Call")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    return refused.value


def _trailers(error: grpc.RpcError) -> dict[str, str | bytes]:
    assert isinstance(error, grpc.Call)
    return dict(error.trailing_metadata())


async def _refused_by_aio(sent: CallFault) -> grpc.aio.AioRpcError:
    async def answer(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await rpc_faults.abort(context, sent)

    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("mmpipe.v1.Any", {"Call": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.unary_unary("/mmpipe.v1.Any/Call")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"", timeout=10)
    await server.stop(None)
    return refused.value
