"""Times as people write them: ``1:30``, ``1:02:03``, ``0:01.5``."""

from __future__ import annotations

from mmpipe.records import Segment


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Minutes and seconds, with hours where there are any; rounded to seconds, or to tenths of them."""
    total = round(seconds * 10) if tenths else round(seconds) * 10
    minutes, tenth = divmod(total, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{tenth // 10:02d}" + (f".{tenth % 10}" if tenths else "")


def span(segment: Segment) -> str:
    """From when to when: ``0:30-1:00`` with an en dash; in tenths where an end is not a whole second."""
    tenths = any(round(end * 10) % 10 for end in (segment.start_s, segment.end_s))
    return f"{clock(segment.start_s, tenths=tenths)}\N{EN DASH}{clock(segment.end_s, tenths=tenths)}"
