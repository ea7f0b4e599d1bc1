"""The accounts of all processes that are asked about: what is read, in which order. It decides nothing."""

from __future__ import annotations

from kubectl_mmpipe.explanation.account import Account, account
from kubectl_mmpipe.explanation.asking import MOST_PODS, ask, of_pod
from kubectl_mmpipe.explanation.case import Case, cases
from kubectl_mmpipe.explanation.signals import signals
from kubectl_mmpipe.kubectl import Kubectl
from kubectl_mmpipe.snapshot import Children, Snapshot, children, read
from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest

_SCALED_OBJECTS = "scaledobjects.keda.sh"


def accounts(kubectl: Kubectl, name: str | None, process: str) -> list[Account]:
    """Of one pipeline or all that ``kubectl`` looks at, of one process or all. Raises PluginError."""
    snapshot = read(kubectl, name)
    found = [(case, signals(case)) for case in cases(snapshot, _scaled_objects(kubectl, snapshot, name), process)]
    paths = [signal.path for _, those in found for signal in those if signal.path]
    answers = ask(kubectl, paths, [of_pod(pod) for case, _ in found for pod in _asked(case)])
    return [account(case, those, answers) for case, those in found]


def _scaled_objects(kubectl: Kubectl, snapshot: Snapshot, name: str | None) -> Children:
    """Read only where KEDA is to scale: a cluster need not have it."""
    modes = {pipeline["spec"].get("scaling", {}).get("mode") for pipeline in snapshot.pipelines}
    if "KEDA" not in modes:
        return Children()
    selector = f"{names.PIPELINE_LABEL}={name}" if name else names.PIPELINE_LABEL
    return children(kubectl, _SCALED_OBJECTS, selector)


def _asked(case: Case) -> list[Manifest]:
    return case.ready_pods[:MOST_PODS]
