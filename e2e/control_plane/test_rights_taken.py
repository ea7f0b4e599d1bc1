"""A right that is taken from a running operator: the pipeline says which, all else is kept, and it mends by itself.

Neighbours: ``test_rights`` compares what is granted with what is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from e2e.cluster.client import JSON_PATCH
from e2e.cluster.operators import OperatorProcess, Operators
from e2e.cluster.session import Cluster
from e2e.cluster.waiting import wait_for
from e2e.control_plane.pipelines import Pipeline

from mmpipe_operator.kinds import (
    AUTOSCALER,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SERVICE,
    Kind,
    Manifest,
    Ref,
)

MENDED_S = 75
"""Most time from the grant on: what was refused is tried again within a minute."""
_QUIET = {"mode": "None"}
"""Without autoscalers, whose every status wakes the operator: then only its own retries find a right that is back."""
_TEAM = "/metadata/labels/app.kubernetes.io~1part-of"


@dataclass(frozen=True, slots=True)
class Taken:
    """A verb on a kind, and what somebody does to an object that only this verb puts right."""

    kind: Kind
    verb: str
    upset: Callable[[Pipeline, Ref], None]

    @property
    def right(self) -> str:
        """As the API server's refusal words it."""
        return f'cannot {self.verb} resource "{self.kind.plural}"'


def _change(pipeline: Pipeline, ref: Ref) -> None:
    patch = [{"op": "replace", "path": _TEAM, "value": "something-else"}]
    pipeline.cluster.client.patch(ref.kind, ref.namespace, ref.name, patch, content=JSON_PATCH)


def _remove(pipeline: Pipeline, ref: Ref) -> None:
    pipeline.cluster.client.delete(ref.kind, ref.namespace, ref.name)


CASES = (
    Taken(SERVICE, "patch", _change),
    Taken(SERVICE, "create", _remove),
    Taken(NETWORK_POLICY, "patch", _change),
    Taken(DISRUPTION_BUDGET, "create", _remove),
    Taken(AUTOSCALER, "patch", _change),
)


@pytest.fixture
def pipeline(cluster: Cluster, namespace: str) -> Pipeline:
    return Pipeline(cluster, namespace, "media")


@pytest.mark.parametrize("taken", CASES, ids=[f"{case.verb}-{case.kind.plural}" for case in CASES])
def test_a_right_that_is_taken_away_is_named_and_keeps_nothing_else_from_being_put_right(
    pipeline: Pipeline, operator: Operators, taken: Taken
) -> None:
    replica = operator()
    pipeline.apply(scaling={"mode": "HPA"} if taken.kind is AUTOSCALER else _QUIET).settle()
    upset = Ref(taken.kind, pipeline.namespace, "media-image")
    other = Ref(DEPLOYMENT, pipeline.namespace, "media-worker")

    operator.rights.take(taken.kind.plural, taken.verb)
    taken.upset(pipeline, upset)
    stalled = pipeline.wait("Stalled", "True", "Forbidden")
    assert taken.right in stalled["message"]
    _change(pipeline, other)
    wait_for(lambda: _is_right(pipeline, other))
    assert not _is_right(pipeline, upset)

    _tries_again(replica)
    operator.rights.grant()
    wait_for(lambda: _is_right(pipeline, upset), MENDED_S)
    pipeline.wait("Stalled", "False", timeout_s=MENDED_S)


def test_without_the_right_to_delete_what_is_no_longer_planned_the_rest_of_the_change_is_made(
    pipeline: Pipeline, operator: Operators
) -> None:
    placement = pipeline.cluster.kubelet.placement
    text, image = ({"name": name, "template": placement} for name in ("text", "image"))
    replica = operator()
    pipeline.apply(modalities=[image, text], scaling=_QUIET).settle()
    surplus = Ref(SERVICE, pipeline.namespace, "media-text")

    operator.rights.take("services", "delete")
    pipeline.apply(modalities=[image], scaling=_QUIET)
    assert 'cannot delete resource "services"' in pipeline.wait("Stalled", "True", "Forbidden")["message"]
    assert _find(pipeline, surplus)
    wait_for(lambda: not _find(pipeline, Ref(DEPLOYMENT, pipeline.namespace, "media-text")))

    _tries_again(replica)
    operator.rights.grant()
    wait_for(lambda: not _find(pipeline, surplus), MENDED_S)
    pipeline.wait("Stalled", "False", timeout_s=MENDED_S)


def _tries_again(replica: OperatorProcess) -> None:
    """Wait for tries of the operator's own; without, the event of its status might bring it back by chance."""
    failed = replica.metric("mmpipe_operator_reconciles_total", result="failed")
    wait_for(lambda: replica.metric("mmpipe_operator_reconciles_total", result="failed") >= failed + 2)


def _is_right(pipeline: Pipeline, ref: Ref) -> bool:
    found = _find(pipeline, ref)
    return bool(found) and found["metadata"]["labels"]["app.kubernetes.io/part-of"] != "something-else"


def _find(pipeline: Pipeline, ref: Ref) -> Manifest:
    return pipeline.cluster.client.find(ref.kind, ref.namespace, ref.name) or {}
