"""A cluster to try the operator on by hand: a real control plane, and nodes on which only the operator really runs.

The operator's image stands for this checkout, so that ``helm install`` needs no registry; pipelines' pods are played
and become Ready at once. Neighbours: ``session`` makes the cluster.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import yaml
from e2e.cluster.binaries import program
from e2e.cluster.containers import Image
from e2e.cluster.session import own_cluster

_CHART = Path(__file__).parents[2] / "charts" / "mmpipe" / "Chart.yaml"
_SAYS = """\
In another terminal (nodes are played: only the operator's own pods really run):

  export KUBECONFIG={kubeconfig} PATH={programs}:{environment}:$PATH
  helm install mmpipe charts/mmpipe --namespace mmpipe-system --create-namespace --wait
  kubectl apply -f examples/pipelines/minimal.yaml
  kubectl get mmp
  kubectl mmpipe status

Ctrl-C takes the cluster away.
"""


def keep() -> None:
    """Keep a cluster until Ctrl-C."""
    version = yaml.safe_load(_CHART.read_text(encoding="utf-8"))["appVersion"]
    environment = Path(sys.executable).parent
    with own_cluster() as cluster:
        any_address = {"MMPIPE_OPERATOR_HOST": "0.0.0.0"}  # noqa: S104  # the kubelet turns it into the pod's
        cluster.kubelet.run(f"mmpipe-operator:{version}", Image(programs=environment, environment=any_address))
        programs = f"{program('helm').parent}:{program('kubectl').parent}"
        sys.stdout.write(_SAYS.format(kubeconfig=cluster.kubeconfig, programs=programs, environment=environment))
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
