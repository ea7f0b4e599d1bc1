"""``mmpipe vectors``: Milvus Lite for several processes of one machine. `mmpipe up` starts it; nobody else needs it."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer


def vectors(
    folder: Annotated[Path, typer.Argument(help="Where the vectors are.")],
    socket: Annotated[Path, typer.Argument(help="Where to answer: a path of at most 107 bytes.")],
) -> None:
    """Serve the vectors of a folder at a socket, until stopped."""
    from mmpipe.adapters.vectors.lite import serve_lite

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    serve_lite(folder, socket, stop, lambda: typer.echo(f"mmpipe vectors: listening on unix:{socket}"))
