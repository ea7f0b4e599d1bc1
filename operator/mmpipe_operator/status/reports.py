"""What the status is made of: what others found out about a pipeline, and the news that follows.

``plan`` and ``neighbours`` fill these records, ``reconcile`` hands them over, ``document`` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mmpipe.spec import Problem
from mmpipe_operator.kinds import Manifest, Ref

type ProbeState = Literal["Unknown", "Reachable", "Unreachable", "Mismatch", "Refused"]


class Process(Protocol):
    """What the status needs of a planned process (``mmpipe_operator.plan.Process``)."""

    @property
    def name(self) -> str:
        """Such as ``gateway``, or ``image-decode``."""
        ...

    @property
    def endpoint(self) -> str:
        """Where it is called, such as ``media-image.default:50051``."""
        ...


@dataclass(frozen=True, slots=True)
class KnownProcess:
    """A process as a status has it."""

    name: str
    endpoint: str


def known_processes(pipeline: Manifest) -> tuple[KnownProcess, ...]:
    """Those of a pipeline's present status: what its last plan had."""
    before = pipeline.get("status", {}).get("processes", ())
    return tuple(KnownProcess(each["name"], each.get("endpoint", "")) for each in before)


@dataclass(frozen=True, slots=True)
class Probe:
    """The last known answer of a neighbour.

    ``Unknown``: not asked yet. ``Unreachable``: no answer; may mend itself. ``Refused``: it answers, and will not have
    these credentials or this request. ``Mismatch``: what is there is not what the spec asks for. ``message`` says what
    was found, and must not change while nothing else does: it stands in the status.
    """

    state: ProbeState = "Unknown"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a pipeline's neighbours; None and empty where nobody knows.

    ``model`` is ``name@digest`` of the model whose vectors are stored.
    """

    queue: Probe = Probe()
    vectors: Probe = Probe()
    dead_letters: int | None = None
    backlog: int | None = None
    collection: str = ""
    alias: str = ""
    dimension: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was refused while applying. ``reason`` is the API server's, or one of ours: NameTaken, ScalerRemains."""

    ref: Ref
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Transition:
    """News for an Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that a status says. ``deployments`` and ``autoscalers`` are by process; ``pipeline`` has its present status.

    ``processes`` is empty where nothing could be planned; then those of the present status are looked at.
    """

    pipeline: Manifest
    problems: tuple[Problem, ...] = ()
    faults: tuple[Fault, ...] = ()
    processes: Sequence[Process] = ()
    deployments: Mapping[str, Manifest]
    autoscalers: Mapping[str, Manifest]
    pods: Sequence[Manifest] = ()
    report: Report = Report()
    paused: bool = False
