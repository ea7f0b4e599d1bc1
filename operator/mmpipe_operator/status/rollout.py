"""How far a Deployment has come, judged as ``kubectl rollout status`` and kstatus do.

One difference: a Deployment that an autoscaler has just given more replicas is not rolling out. Its controller says
`NewReplicaSetAvailable` once a template is rolled out, and goes on saying so whatever happens to the replicas then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.status.failures import Failure, failure
from mmpipe_operator.status.reports import Observed, known_processes


class Phase(StrEnum):
    """Of the newest pod template."""

    MISSING = "there is no Deployment"
    ROLLING = "its pods are coming up"
    HELD = "somebody has paused the rollout"
    OVERDUE = "its pods have not come up in time"
    SETTLED = "only its pods are there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One process as it is. ``replicas`` counts pods of older templates too."""

    name: str
    endpoint: str
    phase: Phase = Phase.MISSING
    ready: int = 0
    desired: int = 0
    updated: int = 0
    replicas: int = 0
    failure: Failure | None = None

    @property
    def is_available(self) -> bool:
        """Whether it serves; one without work, at zero replicas, would."""
        return self.phase is not Phase.MISSING and (self.ready > 0 or self.desired == 0)

    @property
    def is_starting(self) -> bool:
        """Whether it does not serve, and nothing says that it won't soon."""
        return self.phase is Phase.SETTLED and not self.is_available and self.failure is None

    @property
    def is_progressing(self) -> bool:
        """Whether its newest template is on the way to its pods."""
        return self.phase in {Phase.MISSING, Phase.ROLLING}


def stages(observed: Observed) -> tuple[Stage, ...]:
    """Every process of the plan; where there is none, those of the status before."""
    processes = observed.processes or known_processes(observed.pipeline)
    return tuple(stage(process.name, process.endpoint, observed) for process in processes)


def stage(name: str, endpoint: str, observed: Observed) -> Stage:
    """One process by its Deployment and its pods."""
    deployment = observed.deployments.get(name)
    if deployment is None:
        return Stage(name=name, endpoint=endpoint)
    counts = deployment.get("status", {})
    return Stage(
        name=name,
        endpoint=endpoint,
        phase=phase(deployment),
        ready=counts.get("availableReplicas", 0),
        desired=_desired(deployment),
        updated=counts.get("updatedReplicas", 0),
        replicas=counts.get("replicas", 0),
        failure=failure(_pods(name, observed), deployment),
    )


def phase(deployment: Manifest) -> Phase:
    """How far the newest template has come."""
    if settled(deployment):
        return Phase.SETTLED
    if deployment["spec"].get("paused"):
        return Phase.HELD
    overdue = _is_observed(deployment) and _progress(deployment) == "ProgressDeadlineExceeded"
    return Phase.OVERDUE if overdue else Phase.ROLLING


def settled(deployment: Manifest) -> bool:
    """Whether the newest template is rolled out: no pod of an older one is left, and its own became available."""
    counts = deployment.get("status", {})
    updated = counts.get("updatedReplicas", 0)
    if not _is_observed(deployment) or counts.get("replicas", 0) != updated:
        return False
    complete = updated >= _desired(deployment) and counts.get("availableReplicas", 0) >= updated
    return complete or _progress(deployment) == "NewReplicaSetAvailable"


def _desired(deployment: Manifest) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _is_observed(deployment: Manifest) -> bool:
    """Whether the Deployment's status is about its present spec."""
    observed: int = deployment.get("status", {}).get("observedGeneration", 0)
    return bool(observed >= deployment["metadata"].get("generation", 1))


def _progress(deployment: Manifest) -> str:
    """The reason of its condition Progressing."""
    conditions = deployment.get("status", {}).get("conditions", ())
    return next((str(each.get("reason")) for each in conditions if each["type"] == "Progressing"), "")


def _pods(name: str, observed: Observed) -> Iterator[Manifest]:
    labels = ((pod, pod["metadata"].get("labels", {})) for pod in observed.pods)
    return (pod for pod, label in labels if label.get(names.COMPONENT_LABEL) == name)
