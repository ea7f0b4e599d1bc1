"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Option("--data", envvar="MMPIPE_DATA", help="Folder of the embedded stores, one folder for each pipeline."),
]
Name = Annotated[
    str | None, typer.Option("--pipeline", help="Name of the pipeline; needed where the data folder holds several.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="MultimodalPipeline file, YAML or JSON.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one and says which.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65_535, help="Port of the Prometheus endpoint; none if not given, 0 takes a free one."),
]
Endpoint = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="NAME=ADDRESS",
        help="Where a service is: image, image.decode, fuse, ... May be given again. Default: its Service's DNS name.",
    ),
]

GatewayAddress = Annotated[
    str | None,
    typer.Option("--gateway", metavar="ADDR", envvar="MMPIPE_GATEWAY", help="The pipeline's gateway, as host:port."),
]
TokenEnv = Annotated[
    str,
    typer.Option("--token-env", metavar="NAME", help="Environment variable that holds the token for the gateway."),
]
TOKEN_ENV = "MMPIPE_TOKEN"  # noqa: S105  # the name of where one is
