"""Whether a user may read a metric: the API server's own answer to a ``SubjectAccessReview``.

The API server has asked itself before it forwarded; asked again, a mistake in front of us stays one mistake. Answers
are kept for as long as Kubernetes' own aggregated API servers keep them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError
from mmpipe_operator.kinds import Kind, Manifest
from mmpipe_operator.metrics_adapter.freshness import Fresh
from mmpipe_operator.metrics_adapter.front_proxy import User
from mmpipe_operator.metrics_adapter.problems import Forbidden, Unreadable
from mmpipe_operator.metrics_adapter.request import RESOURCE, Question

REVIEW = Kind("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews")
REMEMBERED_S = 10.0


class Authorizer:
    """Belongs to one event loop."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._answers: Fresh[tuple[User, str, str, str], str] = Fresh(REMEMBERED_S, clock)

    async def check(self, user: User, asked: Question) -> None:
        """Raises Forbidden, or Unreadable where the API server does not say."""
        key = (user, asked.namespace, asked.pipeline, asked.metric)
        try:
            refusal = await self._answers.of(key, lambda: self._review(user, asked))
        except ClusterError as error:
            raise Unreadable(f"the rights of {user.name}: {error}") from error
        if refusal:
            raise Forbidden(refusal)

    async def _review(self, user: User, asked: Question) -> str:
        """Why not; empty where the user may."""
        answer = await self._cluster.create(REVIEW, _review_of(user, asked))
        status = answer.get("status") or {}
        if status.get("allowed") is True:
            return ""
        what = f"{RESOURCE}/{asked.metric} in API group {names.METRICS_GROUP} in the namespace {asked.namespace}"
        why = f": {status['reason']}" if status.get("reason") else ""
        return f"User {user.name} cannot get resource {what}{why}"


def _review_of(user: User, asked: Question) -> Manifest:
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
                "subresource": asked.metric,
                "namespace": asked.namespace,
                "name": asked.pipeline,
                "verb": "get",
            },
        },
    }
