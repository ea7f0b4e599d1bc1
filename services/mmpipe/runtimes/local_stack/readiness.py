"""Whether a process answers: gRPC's own health service where it speaks that, an open door where it does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mmpipe.runtimes.local_stack.plan import Program

TIMEOUT_S = 1.0


async def answers(program: Program) -> bool:
    """Whether it is ready right now."""
    match program.speaks:
        case "grpc":
            return await _serves(program.address)
        case "unix":
            return await _opens(asyncio.open_unix_connection(Path(program.address.removeprefix("unix:"))))
        case _:
            host, _, port = program.address.rpartition(":")
            return await _opens(asyncio.open_connection(host, int(port)))


async def _serves(address: str) -> bool:
    async with grpc.aio.insecure_channel(address) as channel:
        with suppress(grpc.aio.AioRpcError):
            check = health_pb2_grpc.HealthStub(channel).Check
            answer = await check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    return False


async def _opens(connecting: object) -> bool:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await connecting  # type: ignore[misc]  # either kind of connection
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
