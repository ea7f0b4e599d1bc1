"""What somebody else deletes or changes of a pipeline's objects is put right; what they add is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from e2e.cluster.client import JSON_PATCH
from e2e.cluster.fixtures import discard
from e2e.cluster.operators import OperatorProcess, Operators, installed
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import OWNED, Pipeline, uids

from mmpipe_operator import names
from mmpipe_operator.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    Manifest,
    Ref,
)

_PART_OF = "/metadata/labels/app.kubernetes.io~1part-of"
CHANGES: dict[Kind, tuple[str, Any]] = {
    SERVICE_ACCOUNT: ("/automountServiceAccountToken", True),
    CONFIG_MAP: (_PART_OF, "something-else"),  # its data can't be changed by anybody
    SERVICE: ("/spec/ports/0/port", 1234),
    NETWORK_POLICY: ("/spec/ingress", [{}]),
    DEPLOYMENT: ("/spec/template/spec/containers/0/args/0", "sleep"),
    DISRUPTION_BUDGET: ("/spec/maxUnavailable", 7),
    AUTOSCALER: ("/spec/maxReplicas", 99),
}
"""One field of each kind, and what somebody sets it to."""
KINDS = pytest.mark.parametrize("kind", OWNED, ids=[kind.kind for kind in OWNED])


@dataclass(frozen=True, slots=True)
class Steady:
    """A settled pipeline with an operator that keeps it."""

    pipeline: Pipeline
    operators: Operators
    replica: OperatorProcess

    def drift(self, kind: Kind) -> float:
        """How much drift of a kind the operator says it has put right."""
        return self.replica.metric("mmpipe_operator_writes_total", kind=kind.kind, reason="drift")


@pytest.fixture(scope="module")
def steady(cluster: Cluster, crd: None) -> Iterator[Steady]:  # noqa: ARG001  # it must be there
    namespace = cluster.new_namespace("drift")
    with installed(cluster, [namespace]) as operators:
        replica = operators()
        yield Steady(Pipeline(cluster, namespace, "media").apply().settle(), operators, replica)
    discard(cluster, namespace)


def test_every_kind_is_changed_by_these_tests() -> None:
    assert CHANGES.keys() == set(OWNED)


@KINDS
def test_a_deleted_object_comes_back(steady: Steady, kind: Kind) -> None:
    ref, before = _one(steady.pipeline, kind)
    healed = steady.drift(kind)
    steady.pipeline.cluster.client.delete(*_where(ref))
    _comes_back(steady.pipeline, ref, before)
    wait_for(lambda: steady.drift(kind) == healed + 1, what=lambda: f"{steady.drift(kind)} after {healed}")


@KINDS
def test_a_changed_field_is_put_right_and_what_others_added_stays(steady: Steady, kind: Kind) -> None:
    ref, before = _one(steady.pipeline, kind)
    _add_foreign(steady.pipeline, ref)
    _change(steady.pipeline, ref)
    after = wait_for(lambda: _put_right(steady.pipeline, ref, before))
    assert _has_foreign(after)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


@KINDS
def test_an_object_without_our_label_gets_it_again(steady: Steady, kind: Kind) -> None:
    ref, _ = _one(steady.pipeline, kind)
    client = steady.pipeline.cluster.client
    client.patch(*_where(ref), {"metadata": {"labels": {names.PIPELINE_LABEL: None}}})
    wait_for(lambda: client.get(*_where(ref))["metadata"]["labels"].get(names.PIPELINE_LABEL) == "media")


def test_replicas_belong_to_the_autoscaler(steady: Steady) -> None:
    pipeline = steady.pipeline
    where = DEPLOYMENT, pipeline.namespace, "media-image"
    pipeline.cluster.client.patch(*where, {"spec": {"replicas": 3}}, subresource="scale")
    _change(pipeline, Ref(*where))
    wait_for(lambda: pipeline.template()["spec"]["containers"][0]["args"][0] != "sleep")
    assert pipeline.deployment()["spec"]["replicas"] == 3


def test_what_happened_while_no_operator_ran_is_put_right_when_one_starts(
    cluster: Cluster, namespace: str, operator: Operators
) -> None:
    pipeline = Pipeline(cluster, namespace, "media")
    replica = operator()
    pipeline.apply().settle()
    assert replica.stop() == 0
    before = pipeline.children()
    deleted = [ref for ref in before if "image" in ref.name or ref.kind is SERVICE_ACCOUNT]
    changed = [ref for ref in before if "worker" in ref.name]
    assert {ref.kind for ref in deleted} == set(OWNED)
    for ref in deleted:
        cluster.client.delete(*_where(ref))
    for ref in changed:
        _add_foreign(pipeline, ref)
        _change(pipeline, ref)

    operator()
    for ref in deleted:
        _comes_back(pipeline, ref, before[ref])
    for ref in changed:
        assert _has_foreign(wait_for(partial(_put_right, pipeline, ref, before[ref])))
    same = uids(before).items() & uids(pipeline.children()).items()
    assert {ref for ref, _ in same} == before.keys() - set(deleted)


def test_a_pipeline_deleted_while_no_operator_ran_leaves_nothing(
    cluster: Cluster, namespace: str, operator: Operators
) -> None:
    pipeline = Pipeline(cluster, namespace, "media")
    replica = operator()
    pipeline.apply().settle()
    replica.stop()
    pipeline.delete()
    wait_for(lambda: not pipeline.children())


def _one(pipeline: Pipeline, kind: Kind) -> tuple[Ref, Manifest]:
    found = pipeline.children([kind])
    return next(((ref, each) for ref, each in found.items() if "image" in ref.name), next(iter(found.items())))


def _where(ref: Ref) -> tuple[Kind, str, str]:
    return ref.kind, ref.namespace, ref.name


def _comes_back(pipeline: Pipeline, ref: Ref, before: Manifest) -> None:
    """As another object with the same content."""

    def back() -> bool:
        found = pipeline.cluster.client.find(*_where(ref))
        return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

    wait_for(back, what=str(ref))
    after = pipeline.cluster.client.get(*_where(ref))
    assert after["metadata"]["labels"].items() >= _labels(before).items()
    assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
    assert _value(after, CHANGES[ref.kind][0]) == _value(before, CHANGES[ref.kind][0])


def _labels(manifest: Manifest) -> dict[str, str]:
    return {name: value for name, value in manifest["metadata"]["labels"].items() if name != "team"}


def _add_foreign(pipeline: Pipeline, ref: Ref) -> None:
    added = {"labels": {"team": "blue"}, "annotations": {"example.com/note": "ours"}}
    pipeline.cluster.client.patch(*_where(ref), {"metadata": added})


def _has_foreign(manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    return bool(metadata["labels"].get("team") == "blue" and metadata["annotations"].get("example.com/note") == "ours")


def _change(pipeline: Pipeline, ref: Ref) -> None:
    path, value = CHANGES[ref.kind]
    patch = [{"op": "replace", "path": path, "value": value}]
    pipeline.cluster.client.patch(*_where(ref), patch, content=JSON_PATCH)


def _put_right(pipeline: Pipeline, ref: Ref, before: Manifest) -> Manifest | None:
    """The object, where the field that was changed is as before."""
    found = pipeline.cluster.client.get(*_where(ref))
    path, _ = CHANGES[ref.kind]
    return found if _value(found, path) == _value(before, path) else None


def _value(manifest: Any, path: str) -> Any:  # noqa: ANN401  # whatever JSON has there
    found = manifest
    for step in path[1:].split("/"):
        key = step.replace("~1", "/")
        found = found[int(key)] if isinstance(found, list) else found.get(key)
    return found
