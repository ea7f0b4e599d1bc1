"""``mmpipe work``: take samples from the queue through the stage services into the stores."""

from __future__ import annotations

from pathlib import Path

from mmpipe.cli.options import Data, Endpoint, Host, MetricsPort, Port, SpecFile


def work(
    spec: SpecFile,
    *,
    host: Host = "127.0.0.1",
    port: Port = 50052,
    metrics_port: MetricsPort = None,
    endpoint: Endpoint = None,
    data: Data = Path("mmpipe-data"),
) -> None:
    """Work for a pipeline: pull samples, drive their parts through the stages, store them, acknowledge last.

    Answers gRPC health checks at its port. SIGTERM finishes what is in flight and gives the rest back; a second worker
    shares the work. Ends with 2 for a spec that cannot be used, 3 where a store or the queue cannot be used at the
    start.
    """
    from mmpipe.runtimes.allocator import keep_freed_memory

    keep_freed_memory()
    from mmpipe.cli.spec import read_for_services
    from mmpipe.runtimes.stage_clients import Endpoints
    from mmpipe.runtimes.worker import serving

    pipeline = read_for_services(spec)
    address = f"{host}:{port}"
    settings = serving.Settings(pipeline, data, Endpoints.parse(endpoint or (), pipeline), address, metrics_port)
    serving.run(settings)
