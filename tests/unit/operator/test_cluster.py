from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration
from tests.asynchronous import asynchronous

from mmpipe_operator import names
from mmpipe_operator.cluster import Cluster, ClusterError, Conflict, Gone, NotLeading, Refused, Unavailable
from mmpipe_operator.cluster.client import SOME
from mmpipe_operator.cluster.connection import fence_late
from mmpipe_operator.kinds import DEPLOYMENT, PIPELINE, SERVICE, Ref

REF = Ref(SERVICE, "team", "media-text")
SERVICE_ = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "team", "name": "media-text"}}
type Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def api(answer: Answer, connections: int = 100, **options: Any) -> AsyncIterator[Cluster]:  # noqa: ANN401  # those of Cluster
    """A cluster whose API server answers as told."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    configuration.connection_pool_maxsize = connections
    fence_late(configuration)
    try:
        async with ApiClient(configuration) as client:
            yield Cluster(client, **options)
    finally:
        await runner.cleanup()


def said(status: int, reason: str = "", **more: object) -> Answer:
    async def answer(_: web.Request) -> web.Response:  # aiohttp awaits its handlers
        return web.json_response({"reason": reason, "message": f"it says {reason}", **more}, status=status)

    return answer


@pytest.mark.parametrize(
    ("status", "reason", "fault"),
    [
        (404, "NotFound", Gone),
        (409, "Conflict", Conflict),
        (410, "Expired", Unavailable),
        (429, "TooManyRequests", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
        (400, "BadRequest", Refused),
        (401, "Unauthorized", Refused),
        (403, "Forbidden", Refused),
        (422, "Invalid", Refused),
    ],
)
def test_an_answer_becomes_the_fault_that_it_is(status: int, reason: str, fault: type[ClusterError]) -> None:
    async def ask() -> None:
        async with api(said(status, reason)) as cluster:
            await cluster.apply(SERVICE_)

    with pytest.raises(fault, match=f"media-text: it says {reason}") as raised:
        asyncio.run(ask())
    assert raised.value.reason == reason


@asynchronous
async def test_a_namespace_that_is_being_deleted_is_gone() -> None:
    details = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
    async with api(said(403, "Forbidden", details=details)) as cluster:
        with pytest.raises(Gone):
            await cluster.apply(SERVICE_)


@asynchronous
async def test_a_kind_that_admission_does_not_know_yet_is_waited_for() -> None:
    why = 'cannot set blockOwnerDeletion in this case because ... no matches for kind "MultimodalPipeline"'
    async with api(said(403, "Forbidden", message=why)) as cluster:
        with pytest.raises(Unavailable):
            await cluster.apply(SERVICE_)


@asynchronous
async def test_what_is_not_there_is_none() -> None:
    async with api(said(404, "NotFound")) as cluster:
        assert await cluster.get(REF) is None
        assert await cluster.serves("keda.sh/v1alpha1") == frozenset()


@asynchronous
async def test_an_api_server_that_does_not_answer_in_time_is_unavailable() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with api(never, timeout_s=0.05) as cluster:
        with pytest.raises(Unavailable):
            await cluster.get(REF)


@pytest.mark.parametrize(("asked", "again_s"), [("7", 7), ("3600", 60), ("", 0), ("tomorrow", 0)])
def test_how_long_the_api_server_asks_to_be_left_alone(asked: str, again_s: float) -> None:
    async def ask() -> None:
        async with api(busy) as cluster:
            await cluster.get(REF)

    async def busy(_: web.Request) -> web.Response:  # as above
        return web.json_response({"reason": "TooManyRequests"}, status=429, headers={"Retry-After": asked})

    with pytest.raises(Unavailable) as raised:
        asyncio.run(ask())
    assert raised.value.again_s == again_s


@asynchronous
async def test_a_page_of_a_proxy_is_told_as_it_is() -> None:
    async def page(_: web.Request) -> web.Response:  # as above
        return web.Response(text="<h1>Bad Gateway</h1>", status=502)

    async with api(page) as cluster:
        with pytest.raises(Unavailable, match="Bad Gateway"):
            await cluster.get(REF)


@asynchronous
async def test_a_write_without_the_lease_is_never_sent() -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:  # as above
        asked.append(request.method)
        return web.json_response(SERVICE_)

    def fence() -> None:
        raise NotLeading("PATCH", "NotLeading", "lost")

    stored = {**SERVICE_, "metadata": {**SERVICE_["metadata"], "uid": "u", "resourceVersion": "1"}}  # type: ignore[dict-item]  # a map
    async with api(note, fence=fence) as cluster:
        await cluster.get(REF)
        for write in (
            cluster.apply(SERVICE_),
            cluster.delete(stored),
            cluster.apply_status(REF, {}),
            cluster.merge(REF, {}),
        ):
            with pytest.raises(NotLeading):
                await write

    assert asked == ["GET"]


@asynchronous
async def test_a_write_that_has_waited_for_its_connection_is_fenced_when_it_has_one() -> None:
    """As when the process is stopped while its requests wait: one is being answered, the others are not."""
    asked: list[str] = []
    leading = True

    async def slow(request: web.Request) -> web.Response:
        nonlocal leading
        asked.append(request.method)
        await asyncio.sleep(0.05)
        leading = False
        return web.json_response(SERVICE_)

    def fence() -> None:
        if not leading:
            raise NotLeading("PATCH", "NotLeading", "lost")

    async with api(slow, connections=1, fence=fence) as cluster:
        ended = await asyncio.gather(*(cluster.apply(SERVICE_) for _ in range(3)), return_exceptions=True)

    assert asked == ["PATCH"]
    assert sum(isinstance(each, NotLeading) for each in ended) == 2


@asynchronous
async def test_a_list_is_read_to_its_last_page_and_its_items_say_what_they_are() -> None:
    async def pages(request: web.Request) -> web.Response:  # as above
        more = request.query.get("continue")
        item = {"metadata": {"name": "second" if more else "first"}}
        metadata = {"resourceVersion": "7"} | ({} if more else {"continue": "more"})
        assert request.query["labelSelector"] == names.PIPELINE_LABEL
        return web.json_response({"items": [item], "metadata": metadata})

    async with api(pages) as cluster:
        found, version = await cluster.list(DEPLOYMENT, "", names.PIPELINE_LABEL)

    assert [each["metadata"]["name"] for each in found] == ["first", "second"]
    assert {each["kind"] for each in found} == {"Deployment"}
    assert version == 7


def streaming(*events: tuple[str, dict[str, Any]]) -> Answer:
    async def answer(request: web.Request) -> web.Response:  # as above
        assert (request.query["watch"], request.query["sendInitialEvents"]) == ("true", "true")
        lines = (json.dumps({"type": event, "object": {"metadata": metadata}}) for event, metadata in events)
        return web.Response(body="".join(f"{line}\n" for line in lines).encode())

    return answer


THE_END = ("BOOKMARK", {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}})


@asynchronous
async def test_a_streamed_list_comes_some_at_a_time_up_to_its_end_and_with_its_version() -> None:
    items = [("ADDED", {"name": f"each-{number}"}) for number in range(SOME + 1)]
    async with api(streaming(*items, ("BOOKMARK", {"resourceVersion": "8"}), THE_END)) as cluster:
        pages = [page async for page in cluster.pages(DEPLOYMENT)]

    assert [(len(page), version) for page, version in pages] == [(SOME, 0), (1, 9)]
    assert {each["kind"] for page, _ in pages for each in page} == {"Deployment"}


@asynchronous
async def test_a_streamed_list_that_ends_early_is_none() -> None:
    async with api(streaming(("ADDED", {"name": "first"}))) as cluster:
        with pytest.raises(Unavailable, match="ended early"):
            await anext(cluster.pages(DEPLOYMENT))


@asynchronous
async def test_an_api_server_that_streams_no_lists_is_asked_for_pages_and_not_to_stream_again() -> None:
    asked: list[bool] = []

    async def answer(request: web.Request) -> web.Response:  # as above
        asked.append("sendInitialEvents" in request.query)
        if asked[-1]:
            return web.json_response({"reason": "Invalid", "message": "sendInitialEvents is forbidden"}, status=422)
        return web.json_response({"items": [{"metadata": {"name": "first"}}], "metadata": {"resourceVersion": "7"}})

    async with api(answer) as cluster:
        for _ in range(2):
            [(page, version)] = [page async for page in cluster.pages(DEPLOYMENT, metadata_only=True)]
            assert (page[0]["metadata"]["name"], version) == ("first", 7)
    assert asked == [True, False, False]


@asynchronous
async def test_a_list_without_the_right_to_it_is_refused() -> None:
    async with api(said(403, "Forbidden")) as cluster:
        with pytest.raises(Refused):
            await anext(cluster.pages(DEPLOYMENT))


@asynchronous
async def test_an_apply_is_server_side_and_ours_by_force() -> None:
    async def check(request: web.Request) -> web.Response:
        assert request.method == "PATCH"
        assert request.content_type == "application/apply-patch+yaml"
        assert request.query == {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        return web.json_response(json.loads(await request.text()))

    async with api(check) as cluster:
        assert await cluster.apply(SERVICE_) == SERVICE_


@asynchronous
async def test_a_delete_names_what_was_observed() -> None:
    async def check(request: web.Request) -> web.Response:
        wanted = json.loads(await request.text())
        assert wanted["preconditions"] == {"uid": "u", "resourceVersion": "5"}
        return web.json_response({})

    stored = {**SERVICE_, "metadata": {"namespace": "team", "name": "x", "uid": "u", "resourceVersion": "5"}}
    async with api(check) as cluster:
        await cluster.delete(stored)


@asynchronous
async def test_a_status_goes_to_its_subresource_and_makes_no_object() -> None:
    async def check(request: web.Request) -> web.Response:
        assert request.path.endswith("/multimodalpipelines/media/status")
        assert set(json.loads(await request.text())) == {"apiVersion", "kind", "metadata", "status"}
        return web.json_response({})

    async with api(check) as cluster:
        await cluster.apply_status(Ref(PIPELINE, "team", "media"), {"stages": "1/1"})
