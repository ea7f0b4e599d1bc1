"""What is measured of one contender over a number of settled pipelines."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from e2e.cluster.audit import Request, writes

from bench.scale.contender import Contender
from bench.scale.plane import Servers
from mmpipe_operator import names
from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE

_REST_S = 5.0
_APPLIED_S = 60.0
_PAUSE_S = 0.005
_EDIT = "bench.example/edit"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, and megabytes of 1,000,000 bytes. ``calls`` and ``writes`` are by one edit."""

    contender: str
    pipelines: int
    start_s: float
    start_cpu_s: float
    rss_mb: float
    pss_mb: float
    peak_mb: float
    p50_s: float
    p99_s: float
    calls: float
    writes: float
    start_writes: int
    idle_writes: int
    idle_looks: int


@dataclass(frozen=True, slots=True)
class Trial:
    """How much is asked of a contender."""

    namespace: str
    pipelines: tuple[str, ...]
    edits: int
    idle_s: float


def measured(servers: Servers, contender: Contender, started: float, trial: Trial) -> Measured:
    """All of it. ``started`` is the monotonic time before its process was."""
    before = servers.audit.mark()
    contender.wait(len(trial.pipelines))
    start_s, start_cpu_s = time.monotonic() - started, contender.cpu_s()
    time.sleep(_REST_S)
    settled = servers.audit.mark()
    looks = contender.looked_at()
    time.sleep(trial.idle_s)
    idle = servers.audit.mark()
    rss, pss, peak = contender.megabytes()
    idle_looks = int(contender.looked_at() - looks)
    seconds = _edited(servers, trial)
    time.sleep(_REST_S)
    asked = _of(servers.audit.between(idle, user=contender.user))
    return Measured(
        contender=contender.name,
        pipelines=len(trial.pipelines),
        start_s=start_s,
        start_cpu_s=start_cpu_s,
        rss_mb=rss,
        pss_mb=pss,
        peak_mb=peak,
        p50_s=statistics.median(seconds),
        p99_s=sorted(seconds)[min(len(seconds) - 1, round(0.99 * len(seconds)))],
        calls=len(asked) / len(seconds),
        writes=len(writes(asked)) / len(seconds),
        start_writes=len(writes(_of(servers.audit.between(before, settled, contender.user)))),
        idle_writes=len(writes(_of(servers.audit.between(settled, idle, contender.user)))),
        idle_looks=idle_looks,
    )


def _of(requests: Iterable[Request]) -> list[Request]:
    """Without the lease and what the measurement itself edits: that is signed in as an administrator too."""
    ours = [each for each in requests if each.resource != "leases"]
    return [each for each in ours if not (each.resource == names.PLURAL and each.verb == "patch" and _is_an_edit(each))]


def _is_an_edit(request: Request) -> bool:
    return not request.subresource and request.user == "admin"


def _edited(servers: Servers, trial: Trial) -> list[float]:
    """From each edit of a spec until the Deployment that it is about has it, one after the other."""
    chosen = random.Random(len(trial.pipelines)).choices(trial.pipelines, k=trial.edits)  # noqa: S311  # a sample
    return [_edit(servers, trial.namespace, name, {_EDIT: str(number)}) for number, name in enumerate(chosen)]


def taken_back(servers: Servers, trial: Trial) -> None:
    """Have every spec as it was, so that the next contender finds nothing to do."""
    for raw in servers.cluster.client.list(PIPELINE, trial.namespace):
        if _EDIT in str(raw["spec"]["worker"].get("template", "")):
            _edit(servers, trial.namespace, raw["metadata"]["name"], None)


def _edit(servers: Servers, namespace: str, name: str, annotations: dict[str, str] | None) -> float:
    client, where = servers.cluster.client, (DEPLOYMENT, namespace, names.child(name, "worker"))
    template = {"annotations": annotations} if annotations else None
    client.patch(PIPELINE, namespace, name, {"spec": {"worker": {"template": template}}})
    edited, wanted = time.monotonic(), (annotations or {}).get(_EDIT)

    def applied() -> bool:
        found = client.get(*where)["spec"]["template"]["metadata"]["annotations"]
        return bool(found.get(_EDIT) == wanted)

    while not applied():
        if time.monotonic() - edited > _APPLIED_S:
            raise TimeoutError(
                f"{name}: found its Deployment as before for {_APPLIED_S:.0f} s, expected the edit in it"
            )
        time.sleep(_PAUSE_S)
    return time.monotonic() - edited
