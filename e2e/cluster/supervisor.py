"""Keeps a control plane for as long as somebody wants it, and takes it away in the right order whatever happens.

A test session starts ``python -m e2e.cluster up --until-eof`` and holds the other end of its input: when the session
ends, by itself, by Ctrl-C or by ``kill -9``, the input ends, the servers stop and their folder goes. Were the
supervisor itself killed, the kernel would end its children.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.control_plane import ControlPlane

_STOP_TIMEOUT_S = 30.0


def keep(until: Callable[[Path], None]) -> None:
    """Start a control plane, wait, and stop it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="mmpipe-cluster-"))
    plane = ControlPlane(folder)
    try:
        plane.start()
        until(folder)
    except KeyboardInterrupt:
        pass
    finally:
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)


def until_eof(folder: Path) -> None:
    """For ``supervised``."""
    sys.stdout.write(json.dumps({"folder": str(folder)}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


@contextmanager
def supervised() -> Iterator[Path]:
    """Folder of a control plane that runs inside the block."""
    command = [sys.executable, "-m", "e2e.cluster", "up", "--until-eof"]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with process:
        try:
            yield _folder(process)
        finally:
            _end(process)


def _folder(process: subprocess.Popen[bytes]) -> Path:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise TimeoutError(f"the control plane ended with {process.wait()} before it was ready; it said why above")
    return Path(json.loads(line)["folder"])


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait(_STOP_TIMEOUT_S)
