"""Numbers by order of magnitude, so that a status does not change with every sample."""

from __future__ import annotations

LARGEST = 1_000_000


def bucket(count: int) -> str:
    """`0`, `1-9`, `10-99`, ... `100000-999999`, `1000000+`."""
    if count <= 0:
        return "0"
    if count >= LARGEST:
        return f"{LARGEST}+"
    lowest = 10 ** (len(str(count)) - 1)
    return f"{lowest}-{lowest * 10 - 1}"
