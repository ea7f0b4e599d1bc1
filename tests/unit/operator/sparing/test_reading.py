from __future__ import annotations

import pytest

from mmpipe.telemetry.catalogue import METRICS
from mmpipe_operator.scaling.exposition import samples
from mmpipe_operator.sparing.cost import Load
from mmpipe_operator.sparing.reading import SERVER_IN_FLIGHT, WORKER_AGE, WORKER_IN_FLIGHT, NotSaid, load_of


def test_a_worker_says_what_it_has_in_flight_and_for_how_long() -> None:
    assert load_of(samples("mmpipe_worker_in_flight 3\nmmpipe_worker_age_seconds 61.5\n")) == Load(3, 61.5)


def test_a_worker_that_never_had_a_sample_is_idle() -> None:
    assert load_of(samples("mmpipe_worker_age_seconds 0\n")) == Load()


def test_a_server_says_what_calls_it_has() -> None:
    assert load_of(samples("mmpipe_server_in_flight 2\n")) == Load(2)


def test_a_pod_that_says_neither_is_not_taken_for_idle() -> None:
    with pytest.raises(NotSaid, match="found neither"):
        load_of(samples("process_cpu_seconds_total 5\n"))


@pytest.mark.parametrize(
    ("name", "exported"),
    [
        ("mmpipe.worker.age", WORKER_AGE),
        ("mmpipe.worker.in_flight", WORKER_IN_FLIGHT),
        ("mmpipe.server.in_flight", SERVER_IN_FLIGHT),
    ],
)
def test_the_names_are_those_that_the_services_export(name: str, exported: str) -> None:
    assert METRICS[name].prometheus == exported
