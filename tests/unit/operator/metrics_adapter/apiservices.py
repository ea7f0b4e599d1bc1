"""An APIService as somebody finds it, in an API server in memory with what it depends on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.operator.metrics_adapter.objects import Objects

from mmpipe_operator.kinds import CLUSTER_ROLE, NAMESPACE, Manifest, Ref
from mmpipe_operator.metrics_adapter.issuing import Lifetimes, renewed
from mmpipe_operator.metrics_adapter.settings import AdapterSettings
from mmpipe_operator.scaling.api_service import OWN, SIBLING, Backend, api_service

SETTINGS = AdapterSettings(namespace="mmpipe-system", owner="mmpipe-system:adapter")
ROLE = Ref(CLUSTER_ROLE, "", SETTINGS.owner)
HOME = Ref(NAMESPACE, "", "mmpipe-system")
OURS = Backend("mmpipe-system", "mmpipe-metrics-adapter")
THEIRS = Backend("monitoring", "prometheus-adapter")
NOW = datetime.now(UTC)
YEARS = Lifetimes(timedelta(days=90), timedelta(days=3650))


def authority() -> bytes:
    return renewed(None, "a.b.svc", YEARS, NOW).authority


TRUSTED = authority()


def cluster(**there: Manifest) -> Objects:
    objects = Objects()
    objects.put(ROLE, {"metadata": {"name": ROLE.name, "uid": "role"}})
    objects.put(HOME, {"metadata": {"name": HOME.name}})
    for name, manifest in there.items():
        objects.put({"own": OWN, "sibling": SIBLING}[name], manifest)
    return objects


def seen(available: str, **spec: object) -> Manifest:
    made = api_service(OURS, TRUSTED)
    conditions = [{"type": "Available", "status": available}]
    return {**made, "spec": made["spec"] | spec, "status": {"conditions": conditions}}
