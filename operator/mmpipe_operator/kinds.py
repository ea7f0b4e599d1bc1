"""The Kubernetes kinds that the operator deals in, and where the API server has them."""

from __future__ import annotations

from typing import Any, NamedTuple

from mmpipe_operator import names

type Manifest = dict[str, Any]
"""One Kubernetes object as JSON."""


class Kind(NamedTuple):
    """One kind of object."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """Path on the API server: of one object, of a namespace's collection, or of the whole cluster's."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")


class Ref(NamedTuple):
    """One object by kind, namespace and name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.namespace}/{self.name}"


PIPELINE = Kind(names.API_VERSION, names.KIND, names.PLURAL)
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
SERVICE = Kind("v1", "Service", "services")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
TRIGGER_AUTHENTICATION = Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE_MONITOR = Kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors")
POD = Kind("v1", "Pod", "pods")
SECRET = Kind("v1", "Secret", "secrets")
NAMESPACE = Kind("v1", "Namespace", "namespaces")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles")
API_SERVICE = Kind("apiregistration.k8s.io/v1", "APIService", "apiservices")

CHILDREN = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    NETWORK_POLICY,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    AUTOSCALER,
    TRIGGER_AUTHENTICATION,
    SCALED_OBJECT,
    SERVICE_MONITOR,
)
"""Kinds that a pipeline owns, in the order in which they are applied."""
OPTIONAL = (TRIGGER_AUTHENTICATION, SCALED_OBJECT, SERVICE_MONITOR)
"""Kinds of other projects, which a cluster may not have."""

_BY_NAME = {(kind.api_version, kind.kind): kind for kind in (PIPELINE, *CHILDREN, POD, SECRET, API_SERVICE)}


def kind_of(manifest: Manifest) -> Kind:
    """The kind of an object. Raises KeyError for one that the operator has nothing to do with."""
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]


def ref_of(manifest: Manifest) -> Ref:
    """Which object it is."""
    metadata = manifest["metadata"]
    return Ref(kind_of(manifest), metadata.get("namespace", ""), metadata["name"])
