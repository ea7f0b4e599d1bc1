"""Every gRPC call, made or answered, as a span and in the RED metrics, by OpenTelemetry's conventions for RPC.

::

    grpc.intercept_channel(channel, *client_interceptors(target))
    grpc.aio.insecure_channel(target, interceptors=aio_client_interceptors(target))
    grpc.server(pool, interceptors=server_interceptors())
    grpc.aio.server(interceptors=aio_server_interceptors())

``client`` and ``server`` fit the four shapes of a call and both flavours of grpc onto ``calls``, which says what is
measured. The trace goes along as ``traceparent`` in the metadata. Health checks and reflection are not observed. On a
client, other interceptors stand before these: whatever answers in place of a call has no status to count. ``in_flight``
counts the calls that a server has at a time.
"""

from mmpipe.adapters.interceptors.client import aio_client_interceptors, client_interceptors
from mmpipe.adapters.interceptors.in_flight import InFlight
from mmpipe.adapters.interceptors.server import aio_server_interceptors, server_interceptors

__all__ = [
    "InFlight",
    "aio_client_interceptors",
    "aio_server_interceptors",
    "client_interceptors",
    "server_interceptors",
]
