"""How many rows a page has."""

from __future__ import annotations

from mmpipe.runtimes.gateway.faults import bad_field

DEFAULT = 100
MOST = 1_000


def page_size(asked: int) -> int:
    """Rows of a page; 0 is the default. Raises Refusal BAD_FIELD."""
    if asked > MOST:
        raise bad_field("page_size", f"{asked:,}", f"at most {MOST:,}", "ask for more pages")
    return asked or DEFAULT
