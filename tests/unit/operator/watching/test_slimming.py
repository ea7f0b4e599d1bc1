from __future__ import annotations

from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE, Manifest, Ref
from mmpipe_operator.watching.slimming import Packing


def deployment(name: str, **status: object) -> Manifest:
    metadata = {"namespace": "team", "name": name, "resourceVersion": "7", "uid": name, "managedFields": [{}] * 9}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2, "template": {"metadata": {}}},
        "status": status,
    }


def test_what_is_unpacked_has_what_is_read_of_it_and_says_what_it_is() -> None:
    packing = Packing()
    packed = {name: packing.packed(DEPLOYMENT, deployment(name, readyReplicas=1)) for name in ("first", "second")}
    for name, kept in packed.items():
        assert packing.unpacked(Ref(DEPLOYMENT, "team", name), 7, kept) == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": "team", "name": name, "resourceVersion": "7", "uid": name},
            "spec": {"replicas": 2},
            "status": {"readyReplicas": 1},
        }


def test_equal_objects_are_packed_alike_and_others_not() -> None:
    packing = Packing()
    first = packing.packed(DEPLOYMENT, deployment("a", readyReplicas=1))
    assert packing.packed(DEPLOYMENT, deployment("a", readyReplicas=1)) == first
    assert packing.packed(DEPLOYMENT, deployment("a", readyReplicas=2)) != first


def test_a_thousand_alike_take_little_room() -> None:
    """As they are in a cluster: with names, uids and times of their own."""
    packing = Packing()
    labels = {"app.kubernetes.io/managed-by": "mmpipe-operator", "app.kubernetes.io/part-of": "mmpipe"}
    texts = []
    for number in range(1_000):
        metadata = {"namespace": "team", "name": f"p{number}", "resourceVersion": "7", "uid": f"uid-{number}"}
        spec = {"modalities": [{"name": "image", "embed": {"model": {"uri": "builtin:tiny"}}}]}
        raw = {"metadata": {**metadata, "labels": labels}, "spec": spec, "status": {"observedGeneration": number}}
        texts.append((len(str(raw)), len(packing.packed(PIPELINE, raw))))
    assert sum(packed for _, packed in texts) < 0.2 * sum(whole for whole, _ in texts)
