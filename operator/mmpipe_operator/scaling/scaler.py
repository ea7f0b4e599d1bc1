"""Where KEDA finds our metrics adapter, as far as the operator knows: by a setting, and a file that the chart mounts.

The file is that of the adapter's authority (``ca.crt`` of its Secret). The kubelet keeps it as the Secret is, so it is
read anew each time; it is not there before the first replica of the adapter has made its certificate.
"""

from __future__ import annotations

from pathlib import Path

from mmpipe_operator.plan import Scaler


def scaler(address: str, authority: str) -> Scaler | None:
    """None without an address, or while its authority is not known."""
    if not address or not authority:
        return None
    try:
        pem = Path(authority).read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return Scaler(address, pem) if pem else None
