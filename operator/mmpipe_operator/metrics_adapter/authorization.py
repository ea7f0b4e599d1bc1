"""Whether a user may read a metric: the API server's own answer to a ``SubjectAccessReview``.

The API server has asked itself before it forwarded; asked again, a mistake in front of us stays one mistake. Answers
are kept for as long as Kubernetes' own aggregated API servers keep them. Whoever may read a metric of every pipeline,
as the HPA controller may, is asked about once and not for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.kinds import Kind, Manifest
from mmpipe_operator.metrics_adapter.freshness import Fresh
from mmpipe_operator.metrics_adapter.front_proxy import User
from mmpipe_operator.metrics_adapter.problems import Forbidden, Unreadable
from mmpipe_operator.metrics_adapter.request import RESOURCE, Question

REVIEW = Kind("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews")
REMEMBERED_S = 10.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A metric of one pipeline; an empty name is every one, as Kubernetes has it."""

    metric: str
    namespace: str = ""
    pipeline: str = ""


class Authorizer:
    """Belongs to one event loop."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._answers: Fresh[tuple[User, _Wanted], Manifest] = Fresh(REMEMBERED_S, clock)

    async def check(self, user: User, asked: Question) -> None:
        """Raises Forbidden, or Unreadable where the API server does not say."""
        one = _Wanted(asked.metric, asked.namespace, asked.pipeline)
        try:
            allowed = _allowed(await self._review(user, _Wanted(asked.metric)))
            status = {} if allowed else await self._review(user, one)
        except ClusterError as error:
            raise Unreadable(f"the rights of {user.name}: {error}") from error
        if not allowed and not _allowed(status):
            what = f"{RESOURCE}/{asked.metric} in API group {names.METRICS_GROUP} in the namespace {asked.namespace}"
            why = f": {status['reason']}" if status.get("reason") else ""
            raise Forbidden(f"User {user.name} cannot get resource {what}{why}")

    async def _review(self, user: User, wanted: _Wanted) -> Manifest:
        """What the API server says about it."""

        async def ask() -> Manifest:
            answer = await self._cluster.create(REVIEW, _review_of(user, wanted))
            status: Manifest = answer.get("status") or {}
            return status

        return await self._answers.of((user, wanted), ask)


def _allowed(status: Manifest) -> bool:
    return status.get("allowed") is True


def _review_of(user: User, wanted: _Wanted) -> Manifest:
    return {
        "apiVersion": REVIEW.api_version,
        "kind": REVIEW.kind,
        "metadata": {"namespace": ""},
        "spec": {
            "user": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra},
            "resourceAttributes": {
                "group": names.METRICS_GROUP,
                "version": names.METRICS_API_VERSION.partition("/")[2],
                "resource": RESOURCE,
                "subresource": wanted.metric,
                "namespace": wanted.namespace,
                "name": wanted.pipeline,
                "verb": "get",
            },
        },
    }
