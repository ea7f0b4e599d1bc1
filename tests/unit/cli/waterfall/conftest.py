from __future__ import annotations

from collections.abc import Callable

import pytest

from mmpipe.cli.waterfall import Recorded

MS = 1_000_000
BEGUN_NS = 1_790_000_000_000_000_000


@pytest.fixture
def span() -> Callable[..., Recorded]:
    """Makes spans of one trace; times are milliseconds after its beginning, ids count up."""
    made: list[Recorded] = []

    def make(name: str, begun_ms: float, ended_ms: float, parent: Recorded | None = None, **more: object) -> Recorded:
        fields: dict[str, object] = {"kind": "internal", "service": "mmpipe-worker", "trace_id": "f" * 32, **more}
        made.append(
            Recorded(
                span_id=f"{len(made) + 1:016x}",
                parent_id=parent.span_id if parent else "",
                name=name,
                begun_ns=BEGUN_NS + round(begun_ms * MS),
                ended_ns=BEGUN_NS + round(ended_ms * MS),
                **fields,  # type: ignore[arg-type]  # named by the test
            )
        )
        return made[-1]

    return make
