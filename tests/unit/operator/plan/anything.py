"""Any pipeline that the spec takes, as far as it matters to a plan: a hypothesis strategy."""

from __future__ import annotations

from hypothesis import strategies as st

from mmpipe.records import Modality
from mmpipe.spec import MultimodalPipeline, from_object
from mmpipe_operator.kinds import Manifest

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
"""As the CRD takes them."""
APIS = frozenset({"keda.sh/v1alpha1", "monitoring.coreos.com/v1"})

_SCALINGS = st.fixed_dictionaries(
    {}, optional={"minReplicas": st.integers(0, 4), "maxReplicas": st.integers(4, 9), "targetQueueDepth": st.just(1000)}
)
_TEMPLATES = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.just({"team": "vision"}),
        "image": st.just("registry.example.com/mmpipe:gpu"),
        "env": st.just([{"name": "EMPTY", "value": ""}, {"name": "MODE", "value": "fast"}]),
        "resources": st.just({"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}}),
        "volumes": st.just([{"name": "shm", "emptyDir": {"medium": "Memory"}}]),
        "tolerations": st.just([{"operator": "Exists"}]),
        "nodeSelector": st.just({"accelerator": "l4"}),
    },
)
_ROLLOUTS = st.sampled_from([{"strategy": "Recreate"}, {"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 3}])
_PROCESSES = st.fixed_dictionaries({}, optional={"scaling": _SCALINGS, "rollout": _ROLLOUTS, "template": _TEMPLATES})


@st.composite
def pipelines(draw: st.DrawFn) -> MultimodalPipeline:
    """Valid ones."""
    named = draw(st.lists(st.sampled_from([str(each) for each in Modality]), min_size=1, max_size=5, unique=True))
    tokens = draw(st.booleans())
    authentication = {"mode": "Tokens", "tokensSecretRef": {"name": "doors", "key": "tokens"}} if tokens else {}
    spec: Manifest = {
        "modalities": [{"name": name, **draw(_PROCESSES)} for name in named],
        "topology": draw(st.sampled_from(["PerModality", "PerStage"])),
        "scaling": {"mode": draw(st.sampled_from(["HPA", "KEDA", "None"])), **draw(_SCALINGS)},
        "lifecycle": {"state": draw(st.sampled_from(["Running", "Paused"]))},
        "serving": {"drainSeconds": draw(st.floats(0, 600))},
        "gateway": {"authentication": authentication, **draw(_PROCESSES)},
        "worker": draw(_PROCESSES),
        "source": {"queue": {"nats": {"url": "nats://nats:4222"}}},
        "sink": {
            "milvus": {"uri": "http://milvus:19530", "tokenSecretRef": {"name": "milvus", "key": "token"}},
            "objects": {"uri": "s3://media"},
            "metadata": {"uri": "postgresql://mmpipe@db/mmpipe"},
        },
    }
    head = {"apiVersion": "mmpipe.dev/v1alpha1", "kind": "MultimodalPipeline"}
    return from_object({**head, "metadata": {"name": draw(NAMES), "namespace": "team"}, "spec": spec})
