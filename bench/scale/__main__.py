"""``make scale-curve``: the table of ``docs/reliability.md``. ``--quick`` measures few pipelines and writes no page."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from e2e.cluster.operators import Operators, installed
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

import tables
from bench.scale.contender import IMAGE, Contender, naive, ours
from bench.scale.copies import Template
from bench.scale.measuring import Measured, Trial, measured, taken_back
from bench.scale.plane import Servers, servers
from bench.scale.report import explain, report
from mmpipe_operator.kinds import CHILDREN, DEPLOYMENT, OPTIONAL, PIPELINE
from mmpipe_operator.reconciling import record

_CURVE, _QUICK = (1, 100, 1_000, 5_000), (1, 50)
_PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_REST_S = 5.0
_RESYNC_S = 60.0
"""Shorter than by default, so that the idle time has a look at every pipeline in it."""
_ROLLED_OUT = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


def main() -> None:
    """Measure both operators over each number of pipelines, in turn."""
    quick = "--quick" in sys.argv
    numbers = tuple(map(int, sys.argv[1].split(","))) if sys.argv[1:2] and not quick else _QUICK if quick else _CURVE
    with servers() as running, installed(running.cluster) as operators:
        found = list(_curve(running, operators, numbers, edits=10 if quick else 100))
    text = report(found)
    print(text)
    if not quick:
        tables.replace_between(_PAGE, "scale-curve", f"{text}\n\n{explain()}")


def _curve(running: Servers, operators: Operators, numbers: tuple[int, ...], edits: int) -> Iterator[Measured]:
    namespace = running.cluster.new_namespace("scale", {})
    template = _template(running, operators, namespace)
    made: list[str] = []
    for number in numbers:
        new = [f"p{each:04d}" for each in range(len(made), number)]
        running.etcd.put(chain.from_iterable(template.copy(name) for name in new))
        made += new
        trial = Trial(namespace, (*made, template.name), edits, 1.2 * _RESYNC_S)
        for start in (lambda: ours(operators, _RESYNC_S), lambda: _naive(running)):
            began = time.monotonic()
            with _running(start) as contender:
                row = measured(running, contender, began, trial)
                taken_back(running, trial)
            yield _told(row)
        with _running(lambda: ours(operators, _RESYNC_S)) as contender:
            contender.wait(len(trial.pipelines))  # the other one's edits have left their traces
            time.sleep(_REST_S)


def _told(row: Measured) -> Measured:
    print(f"load {os.getloadavg()[0]:.1f}: {row}", flush=True)
    return row


def _naive(running: Servers) -> Contender:
    return naive(running.cluster.kubeconfig, running.cluster.folder)


@contextmanager
def _running(start: Callable[[], Contender]) -> Iterator[Contender]:
    contender = start()
    try:
        yield contender
    finally:
        contender.child.stop(30)


def _template(running: Servers, operators: Operators, namespace: str) -> Template:
    """One pipeline that both operators have settled, and everything that etcd has of it."""
    pipeline = Pipeline(running.cluster, namespace, "zebra").apply(scaling={"mode": "None"})
    with _running(lambda: _naive(running)):
        wait_for(lambda: "kopf.zalando.org/last-handled-configuration" in str(pipeline.get()["metadata"]), 120)
    with _running(lambda: ours(operators, _RESYNC_S)):
        wait_for(lambda: len(_deployments(pipeline)) == 4, 60)  # noqa: PLR2004  # gateway, worker, image, fuse
        for name in _deployments(pipeline):
            status = {**_ROLLED_OUT, "observedGeneration": 1}
            running.cluster.client.patch(DEPLOYMENT, namespace, name, {"status": status}, subresource="status")
        wait_for(lambda: _is_steady(pipeline), 120, lambda: str(pipeline.status))
    plural = {kind.plural for kind in (PIPELINE, *CHILDREN) if kind not in OPTIONAL}
    stored = {
        key: value
        for key, value in running.etcd.under("/registry/").items()
        if f"/{namespace}/{pipeline.name}" in key and plural & set(key.split("/"))
    }
    return Template.of(pipeline.get(), IMAGE, stored)


def _deployments(pipeline: Pipeline) -> list[str]:
    return [ref.name for ref in pipeline.children([DEPLOYMENT])]


def _is_steady(pipeline: Pipeline) -> bool:
    conditions = {each["type"]: each["status"] for each in pipeline.status.get("conditions", ())}
    wanted = {"StagesAvailable": "True", "QueueReachable": "False", "VectorStoreReachable": "False"}
    return wanted.items() <= conditions.items() and record.FIELD in pipeline.status


main()
