"""A network of the session's own: nothing that a test starts can be reached from outside it, or reach out of it.

Tests load, break and restart servers. Here their traffic has nowhere to go but to ``lo``, and two sessions on one
machine can't meet.
"""

from __future__ import annotations

import os
import subprocess

_REMEDY = "run as root, in a container with --cap-add SYS_ADMIN, or as: unshare --map-root-user make e2e-control-plane"


def isolate() -> None:
    """Move this process, and all that it will start, into a new network namespace with nothing in it but ``lo``.

    To be called before the process has threads. Raises PermissionError with the remedy.
    """
    try:
        os.unshare(os.CLONE_NEWNET)
    except PermissionError as error:
        raise PermissionError(f"a network of its own: found it forbidden, expected the right to; {_REMEDY}") from error
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
