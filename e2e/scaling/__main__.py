"""``PYTHONPATH=tools python -m e2e.scaling [--rounds N] [--dry]``: measure autoscaling for ``docs/scaling.md``.

Real: etcd, API server, controllers, the operator and its metrics adapter from the chart, NATS JetStream. Played: the
nodes, and the pods of the pipeline, in whose place samples are taken off the queue. ``--dry`` prints instead.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from e2e.cluster.fixtures import establish
from e2e.cluster.isolation import isolate
from e2e.cluster.session import own_cluster
from e2e.control_plane.scaled import Autoscaling, autoscaling
from e2e.scaling.account import account
from e2e.scaling.day import Moment, day
from e2e.scaling.outages import GONE_S, outages
from e2e.scaling.plot import plot
from e2e.scaling.reactions import DOWN, UP, WAKE, Reaction, reactions
from e2e.scaling.recording import Recording
from tests.servers.nats import nats_running

from tables import replace_between, table

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "scaling.md"
_PICTURE = _ROOT / "docs" / "pictures" / "scaling.svg"
_TEXT = """\
From the durable acknowledgement of the samples to the Deployment's new scale, median (worst of {rounds}):

{steps}

![Depth of the queue and workers over seven minutes](pictures/scaling.svg)

While no adapter answers nothing is scaled. What is deleted waits until the operator's leader has taken their
registration away (30 s) and the namespace controller tries again, {bound_s:.0f} s at most:

{away}
"""
_PERIODS_S = (2, 15)
_USUAL_S = 15
"""What a cluster has that nobody has set it for."""


@dataclass(frozen=True, slots=True)
class _Found:
    reactions: dict[int, list[Reaction]]
    outages: list[tuple[str, float, float]]
    day: list[Moment]
    account: list[str]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.scaling")
    parser.add_argument("--rounds", type=int, default=8, help="how often each step is taken")
    parser.add_argument("--dry", action="store_true", help="print, and write no page")
    asked = parser.parse_args(arguments)
    isolate()
    found = _Found({}, [], [], [])
    with nats_running() as nats:
        for period_s in _PERIODS_S:
            with _scaling(period_s) as (scaling, recording):
                steps = (scaling.pipeline(f"steps-{number}", nats.url) for number in range(asked.rounds))
                found.reactions[period_s] = list(map(_told, reactions(steps, recording, period_s)))
                if period_s == _USUAL_S:
                    found.day.extend(day(scaling.pipeline("day", nats.url), recording))
                    found.account.append(account(scaling, nats.url))
                    found.outages.extend(outages(scaling))
    if asked.dry:
        sys.stdout.write("\n".join((_text(found), *found.account, "")))
        return
    _PICTURE.write_text(plot(found.day), encoding="utf-8")
    replace_between(_PAGE, "scaling", _text(found))
    replace_between(_PAGE, "explain-scaling", f"```text\n{found.account[0]}\n```")


@contextmanager
def _scaling(period_s: int) -> Iterator[tuple[Autoscaling, Recording]]:
    flags = {"kube-controller-manager": {"horizontal-pod-autoscaler-sync-period": f"{period_s}s"}}
    with own_cluster(flags) as cluster:
        establish(cluster)
        with (
            autoscaling(cluster) as scaling,
            Recording(cluster.client, scaling.namespace).following() as recording,
        ):
            yield scaling, recording


def _told(reaction: Reaction) -> Reaction:
    sys.stderr.write(f"{reaction.what}: {reaction.took_s:.1f} s\n")
    return reaction


def _text(found: _Found) -> str:
    head = ("Step of the queue", *(f"autoscaler's period {period_s} s" for period_s in found.reactions))
    rows = [(what, *(_spread(each, what) for each in found.reactions.values())) for what in (WAKE, UP, DOWN)]
    rounds = len(found.reactions[_USUAL_S]) // 3
    away = table(
        ("Both adapters", "a namespace's deletion that began then took", "the metrics API was back after"),
        [(way, f"{held_s:.0f} s", f"{back_s:.0f} s") for way, held_s, back_s in found.outages],
    )
    return _TEXT.format(rounds=rounds, steps=table(head, rows), away=away, bound_s=GONE_S)


def _spread(found: Sequence[Reaction], what: str) -> str:
    times = [reaction.took_s for reaction in found if reaction.what == what]
    return f"{median(times):.1f} s ({max(times):.1f} s)"


if __name__ == "__main__":
    main(sys.argv[1:])
