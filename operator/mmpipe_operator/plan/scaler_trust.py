"""How KEDA knows our scaler: the authority that signed its certificate, in a ConfigMap, and who names that to KEDA.

KEDA reads both in the ScaledObject's namespace, so each pipeline has its own. When the authority is renewed, the
ConfigMap has the old and the new one for a while, and KEDA reads it anew at the first handshake that fails.
"""

from __future__ import annotations

from mmpipe.spec import MultimodalPipeline
from mmpipe_operator import names
from mmpipe_operator.kinds import CONFIG_MAP, TRIGGER_AUTHENTICATION, Manifest
from mmpipe_operator.plan.model import Context, Scaler, metadata

_KEY = "ca.crt"


def scaler_trust(pipeline: MultimodalPipeline, context: Context, scaler: Scaler) -> tuple[Manifest, Manifest]:
    """The ConfigMap, and the TriggerAuthentication that every trigger names."""
    name = names.scaler(pipeline.metadata.name)
    authority = {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": metadata(pipeline, context, name),
        "data": {_KEY: scaler.authority},
    }
    authentication = {
        "apiVersion": TRIGGER_AUTHENTICATION.api_version,
        "kind": TRIGGER_AUTHENTICATION.kind,
        "metadata": metadata(pipeline, context, name),
        "spec": {"configMapTargetRef": [{"parameter": "caCert", "name": name, "key": _KEY}]},
    }
    return authority, authentication
