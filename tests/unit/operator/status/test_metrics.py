"""The operator's metrics and the operator speak of the same things; the catalogue can't import the operator."""

from __future__ import annotations

from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator.kinds import CHILDREN, PIPELINE, POD
from mmpipe_operator.status import STATES


def values(metric: str, attribute: str) -> tuple[str, ...]:
    (found,) = (each for each in METRICS[f"mmpipe.operator.{metric}"].attributes if each.key == attribute)
    return found.values


def test_what_is_written_has_one_of_the_kinds_of_the_operator() -> None:
    assert values("writes", "kind") == tuple(kind.kind for kind in (PIPELINE, *CHILDREN, POD))
    assert values("watch.silence", "kind") == tuple(kind.kind for kind in (PIPELINE, *CHILDREN, POD))


def test_pipelines_are_counted_by_the_states_of_a_status() -> None:
    assert values("pipelines", "state") == STATES
