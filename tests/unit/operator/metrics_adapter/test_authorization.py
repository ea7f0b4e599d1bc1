from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from tests.asynchronous import asynchronous

from mmpipe_operator.cluster import Cluster, Unavailable
from mmpipe_operator.kinds import Kind, Manifest
from mmpipe_operator.metrics_adapter.authorization import REMEMBERED_S, Authorizer
from mmpipe_operator.metrics_adapter.front_proxy import User
from mmpipe_operator.metrics_adapter.problems import Forbidden, Unreadable
from mmpipe_operator.metrics_adapter.request import Question

HPA = User("hpa", "u-1", ("system:authenticated",), (("scopes", ("a",)),))
ASKED = Question("team", "media", "queue_depth", {"modality": "image"})


class Reviews:
    """Allows in these namespaces; an empty one stands for all of them."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed
        self.asked: list[Manifest] = []
        self.fault: Exception | None = None
        self.now_s = 0.0

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        assert kind.path() == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        self.asked.append(manifest["spec"])
        if self.fault:
            raise self.fault
        namespace = manifest["spec"]["resourceAttributes"]["namespace"]
        return {**manifest, "status": {"allowed": namespace in self.allowed, "reason": "RBAC: no binding"}}

    def authorizer(self) -> Authorizer:
        return Authorizer(cast("Cluster", self), lambda: self.now_s)


@asynchronous
async def test_whoever_may_read_every_pipeline_is_asked_about_once() -> None:
    reviews = Reviews("")
    authorizer = reviews.authorizer()
    for name in ("media", "other"):
        await authorizer.check(HPA, Question("team", name, "queue_depth"))
    assert [each["resourceAttributes"] for each in reviews.asked] == [
        {
            "group": "custom.metrics.k8s.io",
            "version": "v1beta2",
            "resource": "multimodalpipelines.mmpipe.dev",
            "subresource": "queue_depth",
            "namespace": "",
            "name": "",
            "verb": "get",
        }
    ]


@asynchronous
async def test_a_review_is_of_the_user_with_all_that_the_proxy_said_of_him() -> None:
    reviews = Reviews("team")
    await reviews.authorizer().check(HPA, ASKED)
    _, narrow = reviews.asked
    assert (narrow["user"], narrow["uid"], narrow["groups"]) == ("hpa", "u-1", ["system:authenticated"])
    assert narrow["extra"] == {"scopes": ["a"]}
    attributes: dict[str, Any] = narrow["resourceAttributes"]
    assert (attributes["namespace"], attributes["name"]) == ("team", "media")


@asynchronous
async def test_whoever_may_not_is_told_what_and_why() -> None:
    reviews = Reviews("elsewhere")
    with pytest.raises(Forbidden, match=r"User hpa cannot get .*queue_depth .* namespace team: RBAC: no binding"):
        await reviews.authorizer().check(HPA, ASKED)


@asynchronous
async def test_answers_are_remembered_for_a_moment_and_no_longer() -> None:
    reviews = Reviews("team")
    authorizer = reviews.authorizer()
    for _ in range(3):
        await authorizer.check(HPA, ASKED)
    assert len(reviews.asked) == 2

    reviews.allowed, reviews.now_s = (), REMEMBERED_S
    with pytest.raises(Forbidden):
        await authorizer.check(HPA, ASKED)


@asynchronous
async def test_another_user_is_another_question() -> None:
    reviews = Reviews("team")
    authorizer = reviews.authorizer()
    await authorizer.check(HPA, ASKED)
    reviews.allowed = ()
    with pytest.raises(Forbidden):
        await authorizer.check(User("hpa", "u-2"), ASKED)


@asynchronous
async def test_without_an_answer_nobody_is_let_in_and_nobody_called_forbidden() -> None:
    reviews = Reviews("")
    reviews.fault = Unavailable("POST", "Unreachable", "no answer")
    authorizer = reviews.authorizer()
    with pytest.raises(Unreadable, match="the rights of hpa: POST: no answer"):
        await authorizer.check(HPA, ASKED)
    reviews.fault = None
    await asyncio.wait_for(authorizer.check(HPA, ASKED), 1)
