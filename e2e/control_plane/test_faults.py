"""Events come late, twice, in any order or not at all; calls are refused or not answered; lists are old.

Every time the same act (``faulty``) must come to the same end within a bound that is stated here, and no object that
was there may be made anew. ``docs/reliability.md`` has the bounds and what was measured, by ``make reliability``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.cluster.faults import scripts, streams
from e2e.cluster.faults.calls import NO_ANSWER
from e2e.cluster.faults.proxy import Script, Stream, as_it_is, through
from e2e.cluster.results import Results
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.faulty import Faulty, faulty_in, writes_of_objects
from e2e.control_plane.final_state import contents, recreated

RESYNC_S = 20
FIELD_RESYNC_S = 600
"""The operator's default, and what ``--full-faults`` takes."""
SOON_S = 60.0
"""What a busy machine may take for an edit of this size, beside what a fault costs."""
SILENCE_S = 70
"""After which a watch without even a bookmark is begun anew."""
SILENT_S = 120
"""How long with ``--full-faults`` those that are begun anew are silent too."""
FAULTS_LAST_S = 15.0
LATE_S = 5
LONGEST_PAUSE_S = 60
"""Between two tries of one pipeline (``workqueue``)."""


@pytest.fixture(scope="module")
def faulty(cluster: Cluster, crd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:  # noqa: ARG001  # it must be there
    with faulty_in(cluster, tmp_path_factory.mktemp("proxy"), resync_seconds=RESYNC_S) as scene:
        yield scene


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether faults last as in the field."""
    return bool(request.config.getoption("--full-faults"))


@pytest.fixture
def scene(faulty: Faulty) -> Iterator[Faulty]:
    """At rest, before the test and after it; nothing of what is done here ends the operator."""
    faulty.restarts = 0
    yield faulty
    faulty.proxy.reset()
    faulty.rest()
    assert faulty.restarts == 0, f"the operator has ended; it said:\n{faulty.operators.log()[-4000:]}"


@pytest.mark.parametrize("fault", ["lost", "reordered"])
def test_events_that_only_a_list_makes_good(scene: Faulty, results: Results, full: bool, fault: str) -> None:  # noqa: FBT001  # a fixture
    resync_s = FIELD_RESYNC_S if full else RESYNC_S
    with _settings(scene, resync_seconds=resync_s):
        took_s = _spoiled(scene, _stream(fault, results.seed), bound_s := 1.1 * resync_s + SOON_S)
    _tell(results, f"events {fault}, resync {resync_s} s", bound_s, took_s)


@pytest.mark.parametrize(("fault", "costs_s"), [("late", LATE_S), ("duplicated", 0)])
def test_events_that_come_all_the_same(scene: Faulty, results: Results, fault: str, costs_s: float) -> None:
    with _settings(scene, resync_seconds=FIELD_RESYNC_S):
        took_s = _spoiled(scene, _stream(fault, results.seed), bound_s := costs_s + SOON_S)
    _tell(results, f"events {fault}", bound_s, took_s)


def test_watches_that_go_silent_are_begun_anew(scene: Faulty, results: Results, full: bool) -> None:  # noqa: FBT001  # a fixture
    """Those that are open stay open and bring nothing; new ones work, with ``--full-faults`` after a while."""
    lasts_s = SILENT_S if full else 0
    with _settings(scene, resync_seconds=FIELD_RESYNC_S):
        scene.proxy.stream = streams.silent
        _rewatched(scene)
        before = scene.act()
        time.sleep(lasts_s)
        scene.proxy.stream = as_it_is
        took_s = scene.converge(before, bound_s := SILENCE_S + SOON_S)
    _tell(results, f"open watches silent, new ones for {lasts_s} s", bound_s, took_s)


@pytest.mark.parametrize("how", ["in the stream", "as an answer"])
def test_a_version_is_too_old_to_go_on_from(scene: Faulty, results: Results, how: str) -> None:
    """For some seconds for every watch, so that events are missed; no resync helps."""
    with _settings(scene, resync_seconds=FIELD_RESYNC_S):
        if how == "in the stream":
            scene.proxy.stream = streams.expired
        else:
            scene.proxy.script = scripts.refused(lambda call: call.watches, scripts.EXPIRED)
        scene.proxy.cut()
        before = scene.act()
        time.sleep(FAULTS_LAST_S / 3)
        scene.proxy.reset()
        took_s = scene.converge(before, SOON_S)
    _tell(results, f"410 Gone {how}", SOON_S, took_s)


@pytest.mark.parametrize(
    ("fault", "script"),
    [
        ("409", scripts.conflicting(1, 0.3)),
        ("429", scripts.at_times(2, 0.5, [scripts.TOO_MANY])),
        ("500 or 503", scripts.at_times(3, 0.5, [scripts.INTERNAL, scripts.UNAVAILABLE])),
        ("connections lost", scripts.at_times(4, 0.3, [NO_ANSWER])),
        ("no answer for 40 s", scripts.hanging(5, 0.1, 40)),
    ],
)
def test_calls_are_refused_or_not_answered(scene: Faulty, results: Results, fault: str, script: Script) -> None:
    scene.proxy.script = script
    before = scene.act()
    time.sleep(FAULTS_LAST_S)
    scene.proxy.reset()
    bound_s = LONGEST_PAUSE_S + SOON_S
    took_s = scene.converge(before, bound_s)
    _tell(results, fault, bound_s, took_s)


def test_an_api_server_that_streams_no_lists_is_asked_for_pages(scene: Faulty, results: Results) -> None:
    """As they are before Kubernetes 1.32, and where the feature is off."""
    scene.proxy.script = scripts.refused(lambda call: call.streams, scripts.NO_STREAMED_LISTS)
    before = scene.act()
    scene.restart()
    took_s = scene.converge(before, SOON_S)
    assert any(call.lists and "limit" in call.query and call.about == "deployments" for call in scene.proxy.journal)
    _tell(results, "no streamed lists", SOON_S, took_s)


def test_an_operator_that_starts_on_old_lists_writes_nothing_of_what_it_believes(
    scene: Faulty, results: Results
) -> None:
    """It sees the pipeline and its objects as they were before an edit that is long done, and events late."""
    old = scripts.OldLists()
    scene.proxy.script = old.keep
    scene.restart()
    scene.rest()
    scene.proxy.script = through
    scene.converge(scene.act(), SOON_S)
    scene.quiet(3)

    before, first = contents(scene.pipeline), len(scene.proxy.journal)
    scene.proxy.script, scene.proxy.stream = old.replay, streams.late(LATE_S)
    scene.restart()
    wait_for(lambda: old.replayed > 5, SOON_S, lambda: f"{old.replayed} of {old}; {scene.replica.child.said()}")
    scene.quiet(2 * LATE_S)
    took_s = scene.converge(before, SOON_S)
    assert recreated(before, contents(scene.pipeline)) == []
    assert writes_of_objects(scene.proxy.journal[first:]) == []
    _tell(results, "old lists at the start", SOON_S, took_s)


@contextmanager
def _settings(scene: Faulty, **settings: object) -> Iterator[None]:
    """Another operator inside the block."""
    usual = dict(scene.settings)
    scene.settings |= settings
    scene.restart()
    scene.rest()
    try:
        yield
    finally:
        scene.settings.update(usual)


def _spoiled(scene: Faulty, stream: Stream, bound_s: float) -> float:
    """How long the act takes while events come like that."""
    scene.proxy.stream = stream
    scene.proxy.cut()
    return scene.converge(scene.act(), bound_s)


def _rewatched(scene: Faulty) -> None:
    """Have every watch begun again, and wait until all have."""
    first, running = len(scene.proxy.journal), scene.proxy.watching
    assert running > 5, f"found {running} watches, expected one of each kind"
    scene.proxy.cut()
    wait_for(lambda: sum(each.watches for each in scene.proxy.journal[first:]) >= running, SOON_S)


def _stream(fault: str, seed: int) -> Stream:
    named: dict[str, Stream] = {
        "lost": streams.lost(seed, 0.5),
        "late": streams.late(LATE_S),
        "duplicated": streams.duplicated(seed, 0.5),
        "reordered": streams.reordered(seed, 0.5),
    }
    return named[fault]


def _tell(results: Results, fault: str, bound_s: float, took_s: float) -> None:
    results.row("faults", fault=fault, bound_s=round(bound_s), took_s=round(took_s, 1))
