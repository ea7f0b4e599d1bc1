"""The operator is killed at its calls to the API server, one after the other: the end is the same every time.

``--crash-points N`` says how many calls of each act, evenly spread from a seed that is printed (``--seed``); 0 is all
of them, as in ``make reliability``. What must hold after each: the same objects field by field, none of them made anew,
none left over, the same status, and no object written twice but the one that was on its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median

import pytest
from e2e.cluster.client import JSON_PATCH
from e2e.cluster.faults.crash import Point
from e2e.cluster.faults.proxy import Proxy
from e2e.cluster.fixtures import discard
from e2e.cluster.operators import installed
from e2e.cluster.results import Results
from e2e.cluster.session import Cluster
from e2e.control_plane.faulty import PARTED, WHOLE
from e2e.control_plane.final_state import state
from e2e.control_plane.pipelines import Pipeline
from e2e.control_plane.sweep import Act, Outcome, Reference, Scene, chosen, told

from mmpipe_operator.kinds import DEPLOYMENT, NETWORK_POLICY, SERVICE

SETTINGS = {"probe_seconds": 5, "drop_timeout_seconds": 1, "lease_seconds": 60}
_REACHED = 0.8
"""Share of the sure points that must be reached: a busy machine tells more in one report."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Acts of one scene, at so many points each."""

    scene: Scene
    results: Results
    number: int

    def there_and_back(self, **acts: Act) -> list[Outcome]:
        """Two acts of which each undoes the other, in turn, each with a crash where it has a point left."""
        references = [self.scene.refer(act) for act in acts.values()]
        plans = [chosen(each, self.number, self.results.seed) for each in references]
        outcomes: list[list[Outcome]] = [[], []]
        for turn in zip_longest(*plans):
            for reference, point, found in zip(references, turn, outcomes, strict=True):
                found.extend(self._one(reference, point))
        for name, reference, found in zip(acts, references, outcomes, strict=True):
            self._tell(name, reference, found)
        return [*outcomes[0], *outcomes[1]]

    def again(self, **acts: Act) -> list[Outcome]:
        """One act that undoes itself."""
        ((name, act),) = acts.items()
        reference = self.scene.refer(act)
        found = [self.scene.crash(each, reference) for each in chosen(reference, self.number, self.results.seed)]
        self._tell(name, reference, found)
        return found

    def _one(self, reference: Reference, point: Point | None) -> list[Outcome]:
        if point is not None:
            return [self.scene.crash(point, reference)]
        reference.act.do()
        _, faults = self.scene.converge(reference)
        assert not faults
        return []

    def _tell(self, name: str, reference: Reference, outcomes: list[Outcome]) -> None:
        times = [each.took_s for each in outcomes]
        self.results.row(
            "crash",
            act=name.replace("_", " "),
            calls=len(reference.calls),
            points=sum(each.call is not None for each in outcomes),
            faults=len(told(outcomes)),
            median_s=round(median(times), 1),
            longest_s=round(max(times), 1),
            extra_objects=max(each.extra_objects for each in outcomes),
            extra_reports=max(each.extra_reports for each in outcomes),
        )


@pytest.fixture
def scene(cluster: Cluster, crd: None, proxy: Proxy) -> Iterator[Scene]:  # noqa: ARG001  # it must be there
    namespace = cluster.new_namespace("crash")
    with installed(cluster, [namespace], proxy.api) as operators:
        scene = Scene(Pipeline(cluster, namespace, "media"), operators, proxy, SETTINGS)
        scene.start()
        yield scene
    discard(cluster, namespace)


@pytest.fixture
def sweep(request: pytest.FixtureRequest, scene: Scene, results: Results) -> Sweep:
    return Sweep(scene, results, int(request.config.getoption("--crash-points")))


def test_a_pipeline_that_is_made_and_deleted(sweep: Sweep) -> None:
    pipeline = sweep.scene.pipeline
    gone = Act(pipeline.delete, lambda: not state(pipeline))
    _hold(sweep.there_and_back(create=_applied(pipeline, PARTED), delete=gone))


def test_a_pipeline_that_is_edited(sweep: Sweep) -> None:
    pipeline = sweep.scene.pipeline
    pipeline.apply(**WHOLE).settle(90)
    there, back = _applied(pipeline, PARTED), _applied(pipeline, WHOLE)
    _hold(sweep.there_and_back(update=there, update_back=back))


def test_an_operator_that_starts_and_has_something_to_put_right(sweep: Sweep) -> None:
    scene = sweep.scene
    scene.pipeline.apply(**WHOLE).settle(90)
    before = state(scene.pipeline)

    def start_on_drift() -> None:
        scene.kill()
        drift(scene.pipeline)
        scene.start()

    _hold(sweep.again(start=Act(start_on_drift, lambda: state(scene.pipeline) == before)))


def _hold(outcomes: list[Outcome]) -> None:
    """No point has a fault, and nearly all that are sure to come have been reached."""
    faults = told(outcomes)
    assert not faults, "\n".join(faults)
    sure = [each.call is not None for each in outcomes if each.sure]
    assert sum(sure) >= _REACHED * len(sure)


def _applied(pipeline: Pipeline, spec: dict[str, object]) -> Act:
    return Act(lambda: pipeline.apply(**spec), lambda: pipeline.settle(90))


def drift(pipeline: Pipeline) -> None:
    """Somebody changes and adds what no operator sees happen."""
    client, namespace = pipeline.cluster.client, pipeline.namespace
    command = [{"op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": "sleep"}]
    client.patch(DEPLOYMENT, namespace, "media-image", command, content=JSON_PATCH)
    client.patch(SERVICE, namespace, "media-worker", {"metadata": {"labels": {"app.kubernetes.io/part-of": "else"}}})
    client.patch(NETWORK_POLICY, namespace, "media-fuse", {"spec": {"ingress": [{}]}})
