"""The metrics API over HTTPS: who asks, what is asked, the answer or the problem, and how many of each there were.

Only the API server is a client, so there is no more than it needs: GET, JSON, and the documents by which it finds the
metrics. Every answer that is no success is a Kubernetes ``Status``.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from mmpipe.telemetry import metrics
from mmpipe_operator.kinds import Manifest
from mmpipe_operator.metrics_adapter import discovery, openapi
from mmpipe_operator.metrics_adapter.access import Access
from mmpipe_operator.metrics_adapter.front_proxy import User
from mmpipe_operator.metrics_adapter.handshakes import Handshakes
from mmpipe_operator.metrics_adapter.problems import ApiProblem, OnlyRead, OtherForm, Unknown, document
from mmpipe_operator.metrics_adapter.repeats import Repeats
from mmpipe_operator.metrics_adapter.request import LABELS, Question, question
from mmpipe_operator.metrics_adapter.values import Reading, value_list

METRIC = f"{openapi.ROOT}/namespaces/{{namespace}}/{{resource}}/{{name}}/{{metric}}"
SELECTOR = "metricLabelSelector"
_IDLE_S = 120.0
"""Longer than the 90 s after which the API server lets go of an idle connection: nobody hangs up on a request."""
_LAST_ANSWERS_S = 5.0
_GROUP = openapi.ROOT.rpartition("/")[0]

_log = logging.getLogger(__name__)

type Answer = Callable[[Question], Awaitable[Reading]]
"""``readings``, which raises ApiProblem."""


class MetricsApi:
    """What is answered to whom."""

    def __init__(self, access: Access, answer: Answer) -> None:
        self._access = access
        self._answer = answer
        self._runner: web.AppRunner | None = None
        self._busy: set[web.RequestHandler] = set()
        self._repeats = Repeats()

    def application(self) -> web.Application:
        """For any server."""
        application = web.Application(middlewares=[self._held, _counted, self._told, self._identified])
        for path, known in _documents().items():
            application.router.add_get(path, _of(known))
        application.router.add_get("/apis", _groups)
        application.router.add_get(METRIC, self._metric)
        application.router.add_route("*", "/{path:.*}", _nothing)
        return application

    @asynccontextmanager
    async def serving(self, handshakes: Handshakes, host: str, port: int) -> AsyncIterator[int]:
        """Answer at that port (0 takes a free one) while the block runs; gives the port. Raises OSError.

        What is being answered at the end of the block is answered.
        """
        self._runner = web.AppRunner(
            self.application(), access_log=None, keepalive_timeout=_IDLE_S, shutdown_timeout=_LAST_ANSWERS_S
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=handshakes.context).start()
            yield self._runner.addresses[0][1]
        finally:
            await self._runner.cleanup()

    def part(self) -> None:
        """End every connection, one that is busy after its answer: they were let in when others were believed."""
        server = self._runner.server if self._runner else None
        for connection in server.connections if server else ():
            if connection in self._busy:
                connection.close()
            else:
                connection.force_close()

    @web.middleware
    async def _held(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Know which connections are busy: aiohttp does not say, and its ``close`` leaves an idle one open and deaf."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    @web.middleware
    async def _told(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every problem as its Status; a bug is one too, and in the log."""
        try:
            return await handler(request)
        except ApiProblem as problem:
            if self._repeats.is_new(str(problem)):
                _log.log(_level(problem), "%s", problem)
            return _status(problem.status, problem.reason, str(problem))
        except Exception:  # noqa: BLE001  # logged, and answered as what it is
            _log.exception("%s: found a fault that was not expected", request.path)
            message = "found a fault that was not expected; see the log of the metrics adapter"
            return _status(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", message)

    @web.middleware
    async def _identified(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._user(request)
        return await handler(request)

    def _user(self, request: web.Request) -> User:
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        return self._access.identify(certificate, request.headers.items())

    async def _metric(self, request: web.Request) -> web.Response:
        asked = question(request.match_info, request.query.get(SELECTOR, ""))
        with metrics.timed("mmpipe.adapter.request.duration", resource=asked.metric):
            await self._access.check(self._user(request), asked)
            return web.json_response(value_list(asked, await self._answer(asked)))


def _documents() -> dict[str, Manifest]:
    return {
        _GROUP: discovery.group(),
        openapi.ROOT: discovery.resources(),
        "/openapi/v2": openapi.version_2(),
        "/openapi/v3": openapi.index(),
        f"/openapi/v3{openapi.ROOT}": openapi.version_3(),
    }


def _of(known: Manifest) -> Handler:
    async def answer(_: web.Request) -> web.Response:  # aiohttp awaits its handlers
        return web.json_response(known)

    return answer


async def _groups(request: web.Request) -> web.Response:
    accepted = request.headers.get("Accept", "")
    if discovery.wants_aggregated(accepted):
        raise OtherForm(f"Accept: found {accepted}, expected application/json; aggregated discovery is not served")
    return web.json_response(discovery.groups())


async def _nothing(request: web.Request) -> web.Response:
    if request.method != "GET":
        raise OnlyRead(f"{request.path}: found the method {request.method}, expected GET; metrics are only read")
    raise Unknown(f"{request.path}: found nothing there, expected a metric; see {openapi.ROOT} for what there is")


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    metrics.count("mmpipe.adapter.requests", resource=_resource(request), code=str(response.status))
    return response


def _level(problem: ApiProblem) -> int:
    return logging.WARNING if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO


def _status(status: HTTPStatus, reason: str, message: str) -> web.Response:
    return web.json_response(document(status, reason, message), status=status)


def _resource(request: web.Request) -> str:
    """For the metric of requests: few values, whatever people ask for."""
    metric = request.match_info.get("metric", "")
    if metric in LABELS:
        return metric
    if request.path.startswith("/openapi/"):
        return "openapi"
    return "discovery" if request.path in {"/apis", _GROUP, openapi.ROOT} else "other"
