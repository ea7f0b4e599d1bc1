"""Where the API server is and who we are: ``KUBECONFIG`` where it is set, else the pod's service account."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

type Connection = ApiClient

FENCE: ContextVar[Callable[[], None] | None] = ContextVar("mmpipe_operator_fence", default=None)
"""What raises where the request that is being made may no longer be sent; asked when it has a connection.

A request may wait for one, and a process may be stopped while it waits: a question before that would be too early.
"""


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    """A client that renews its token by itself. Raises the client's ConfigException where neither is there."""
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # no bound: each watch of each namespace keeps one for itself
    fence_late(configuration)
    if os.environ.get("KUBECONFIG"):
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # it ships none
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # as above
    async with ApiClient(configuration) as client:
        yield client


def fence_late(configuration: Configuration) -> None:
    """Have ``FENCE`` asked for every request, when the next thing that happens to it is to be written to the socket."""

    async def ask(*_: object) -> None:  # aiohttp awaits it
        fence = FENCE.get()
        if fence is not None:
            fence()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(ask)
    trace.on_connection_reuseconn.append(ask)
    configuration.trace_configs = [trace]
