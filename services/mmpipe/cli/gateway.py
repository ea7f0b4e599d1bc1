"""``mmpipe gateway``: the door of a pipeline as a gRPC service."""

from __future__ import annotations

from pathlib import Path

from mmpipe.cli.options import Data, Endpoint, Host, MetricsPort, Port, SpecFile


def gateway(
    spec: SpecFile,
    *,
    host: Host = "127.0.0.1",
    port: Port = 50050,
    metrics_port: MetricsPort = None,
    endpoint: Endpoint = None,
    data: Data = Path("mmpipe-data"),
) -> None:
    """Serve a pipeline: accept samples into its queue, answer searches, list and redrive dead letters.

    Starts also while the queue or a store is down, and answers UNAVAILABLE for what needs it. SIGTERM finishes the
    calls that have begun. Several gateways may serve one pipeline. Ends with 2 for a spec, a secret or an address that
    cannot be used.
    """
    from mmpipe.runtimes.allocator import keep_freed_memory

    keep_freed_memory()
    from mmpipe.runtimes.gateway import assembly, process
    from mmpipe.runtimes.stage_clients import Endpoints
    from mmpipe.spec import load

    pipeline = load(spec)
    endpoints = Endpoints.parse(endpoint or (), pipeline)
    process.run(assembly.Settings(pipeline, data, endpoints, f"{host}:{port}", metrics_port))
