"""What the metrics API says that it has: the documents by which the API server and its clients find it. Pure.

Aggregated discovery (``APIGroupDiscoveryList``) is not served. It is refused with 406, upon which the API server reads
the documents here; a 404 would have stopped the deletion of namespaces in Kubernetes up to 1.27.2.
"""

from __future__ import annotations

from mmpipe_operator import names
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.metrics_adapter.request import LABELS, RESOURCE

_VERSION = {"groupVersion": names.METRICS_API_VERSION, "version": names.METRICS_API_VERSION.partition("/")[2]}
_GROUP = {"name": names.METRICS_GROUP, "versions": [_VERSION], "preferredVersion": _VERSION}
_AGGREGATED = "as=APIGroupDiscoveryList"


def groups() -> Manifest:
    """``/apis``."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_GROUP]}


def group() -> Manifest:
    """``/apis/custom.metrics.k8s.io``."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_GROUP}


def resources() -> Manifest:
    """``/apis/custom.metrics.k8s.io/v1beta2``: every metric by its resource."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": names.METRICS_API_VERSION,
        "resources": [
            {
                "name": f"{RESOURCE}/{metric}",
                "singularName": "",
                "namespaced": True,
                "kind": "MetricValueList",
                "verbs": ["get"],
            }
            for metric in LABELS
        ],
    }


def wants_aggregated(accept: str) -> bool:
    """Whether nothing but aggregated discovery is accepted."""
    forms = [form for form in accept.replace(" ", "").split(",") if form]
    return bool(forms) and all(_AGGREGATED in form.split(";") for form in forms)
