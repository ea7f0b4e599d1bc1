"""The APIService ``v1beta2.custom.metrics.k8s.io``: what makes the API server ask our metrics adapter.

A cluster has one, and an adapter that does not answer holds every deletion of a namespace (ADR 28). So it is told apart
here whose one is and how it does; ``metrics_adapter.registration`` puts it there, ``withdrawal`` takes it away.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from mmpipe_operator import names
from mmpipe_operator.kinds import API_SERVICE, Manifest, Ref

_OWN_VERSION = names.METRICS_API_VERSION.partition("/")[2]
API_SERVICE_NAME = f"{_OWN_VERSION}.{names.METRICS_GROUP}"
OWN = Ref(API_SERVICE, "", API_SERVICE_NAME)
SIBLING = Ref(API_SERVICE, "", f"v1beta1.{names.METRICS_GROUP}")
"""The other version that an HPA knows: it asks one of the two, whoever serves it."""
_GROUP_PRIORITY = 100
_VERSION_PRIORITY = 200
"""As the project's own adapters have them: v1beta2 goes before v1beta1."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The Service of an adapter."""

    namespace: str
    name: str
    port: int = 443

    def serves(self, found: Manifest) -> bool:
        """Whether an APIService sends what it is asked here."""
        service = found["spec"].get("service") or {}
        return (service.get("namespace"), service.get("name")) == (self.namespace, self.name)


def api_service(backend: Backend, authority: bytes, owners: Sequence[Manifest] = ()) -> Manifest:
    """As it should be. ``authority`` is what signs the adapter's certificate, in PEM."""
    return {
        "apiVersion": API_SERVICE.api_version,
        "kind": API_SERVICE.kind,
        "metadata": {
            "name": API_SERVICE_NAME,
            "labels": {"app.kubernetes.io/part-of": "mmpipe", "app.kubernetes.io/managed-by": "mmpipe-metrics-adapter"},
            "ownerReferences": list(owners),
        },
        "spec": {
            "group": names.METRICS_GROUP,
            "version": _OWN_VERSION,
            "groupPriorityMinimum": _GROUP_PRIORITY,
            "versionPriority": _VERSION_PRIORITY,
            "service": {"namespace": backend.namespace, "name": backend.name, "port": backend.port},
            "caBundle": base64.b64encode(authority).decode(),
        },
    }


def whose(found: Manifest) -> str:
    """Who serves an APIService, in words."""
    service = found["spec"].get("service")
    return f"Service {service['namespace']}/{service['name']}" if service else "the API server itself"


def available(found: Manifest) -> bool | None:
    """Whether the API server gets answers there; None before it has looked."""
    conditions = (found.get("status") or {}).get("conditions") or ()
    states = {each["type"]: each["status"] for each in conditions}
    return {"True": True, "False": False}.get(states.get("Available", ""))
