"""Where the API server is and who we are: ``KUBECONFIG`` where it is set, else the pod's service account."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

type Connection = ApiClient


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    """A client that renews its token by itself. Raises the client's ConfigException where neither is there."""
    configuration = Configuration()
    if os.environ.get("KUBECONFIG"):
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # it ships none
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # as above
    async with ApiClient(configuration) as client:
        yield client
