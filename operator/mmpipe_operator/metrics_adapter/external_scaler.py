"""KEDA's external scaler: the readings that HPAs get of the metrics API, for the ScaledObjects of mode KEDA (ADR 29).

A trigger of type ``external-push`` names one metric in its metadata (``plan.scaled_object`` writes it): ``pipeline``,
``metric``, ``modality`` or ``process``, and ``targetDepth``. Its namespace is the ScaledObject's own, as KEDA tells it,
so a trigger learns nothing of other namespaces. A reading that fails is an error, which KEDA never takes for 0.

Beside being asked, it tells by ``StreamIsActive`` that something waits as soon as it does: KEDA wakes what is at zero
by that, and by questions of its own only every ``pollingInterval``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from mmpipe_operator.externalscaler import externalscaler_pb2 as keda
from mmpipe_operator.metrics_adapter.certificates import Serving
from mmpipe_operator.metrics_adapter.problems import ApiProblem, BadQuestion, Unknown
from mmpipe_operator.metrics_adapter.request import LABELS, PROCESS, Question
from mmpipe_operator.metrics_adapter.values import Reading

PIPELINE, METRIC, TARGET = "pipeline", "metric", "targetDepth"
"""Keys of a trigger's metadata; a label's name is one too."""
_SERVICE = "externalscaler.ExternalScaler"
_GRACE_S = 1.0
_REPEAT_S = 30.0
"""How often it is said again that something waits: KEDA may not have been ready for it the first time."""
_ALONE = (("grpc.so_reuseport", 0),)
"""Else a second server on a port would take half of the questions, and nobody would be told."""
_CODES = {BadQuestion: grpc.StatusCode.INVALID_ARGUMENT, Unknown: grpc.StatusCode.NOT_FOUND}

type Answer = Callable[[Question], Awaitable[Reading]]
"""``readings``, which raises ApiProblem."""
type _Context = grpc.aio.ServicerContext[Message, Message]

_log = logging.getLogger(__name__)


async def serve(address: str, answer: Answer, serving: Callable[[], Serving], every_s: float) -> None:
    """Answer until cancelled, each handshake with the newest pair. Raises OSError for a port that is taken."""
    server = grpc.aio.server(options=_ALONE)
    scaler = ExternalScaler(answer, every_s)
    server.add_generic_rpc_handlers((scaler.handler(),))
    try:
        server.add_secure_port(address, _credentials(serving))
    except RuntimeError as error:
        raise OSError(
            f"{address}: found it taken, expected it free for KEDA's questions; choose another port"
        ) from error
    await server.start()
    try:
        await server.wait_for_termination()
    finally:
        scaler.close()
        await server.stop(_GRACE_S)


class ExternalScaler:
    """KEDA's ``externalscaler.proto``, but for ``StreamMetricSpec``: a target comes with its trigger."""

    def __init__(self, answer: Answer, every_s: float) -> None:
        self._answer = answer
        self._every_s = every_s
        self._over = asyncio.Event()

    def close(self) -> None:
        """End the streams: KEDA opens them anew, at another replica."""
        self._over.set()

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server is given."""
        ref, asked = keda.ScaledObjectRef.FromString, keda.GetMetricsRequest.FromString
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "IsActive": unary(self.is_active, ref, _written),
            "StreamIsActive": stream(self.stream_is_active, ref, _written),
            "GetMetricSpec": unary(self.get_metric_spec, ref, _written),
            "GetMetrics": unary(self.get_metrics, asked, _written),
        }
        return grpc.method_handlers_generic_handler(_SERVICE, methods)

    async def is_active(self, ref: keda.ScaledObjectRef, context: _Context) -> keda.IsActiveResponse:
        """Whether anything waits."""
        return keda.IsActiveResponse(result=await self._read(ref, context) > 0)

    async def stream_is_active(
        self, ref: keda.ScaledObjectRef, context: _Context
    ) -> AsyncIterator[keda.IsActiveResponse]:
        """The same whenever it changes; nothing while it can't be read."""
        question = await _question(ref, context)
        said: bool | None = None
        said_at = 0.0
        while not self._over.is_set():
            active = await self._active(question)
            now = asyncio.get_running_loop().time()
            if active is not None and (active != said or (active and now - said_at >= _REPEAT_S)):
                said, said_at = active, now
                yield keda.IsActiveResponse(result=active)
            await self._pause()

    async def get_metric_spec(self, ref: keda.ScaledObjectRef, context: _Context) -> keda.GetMetricSpecResponse:
        """What one pod should have."""
        question = await _question(ref, context)
        try:
            target = target_of(ref.scalerMetadata)
        except BadQuestion as problem:
            await _refuse(context, problem)
        size = keda.MetricSpec(metricName=question.metric, targetSize=target, targetSizeFloat=target)
        return keda.GetMetricSpecResponse(metricSpecs=[size])

    async def get_metrics(self, request: keda.GetMetricsRequest, context: _Context) -> keda.GetMetricsResponse:
        """What waits."""
        depth = await self._read(request.scaledObjectRef, context)
        value = keda.MetricValue(metricName=request.metricName, metricValue=depth, metricValueFloat=depth)
        return keda.GetMetricsResponse(metricValues=[value])

    async def _read(self, ref: keda.ScaledObjectRef, context: _Context) -> int:
        question = await _question(ref, context)
        try:
            return (await self._answer(question)).value
        except ApiProblem as problem:
            await _refuse(context, problem)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._every_s)

    async def _active(self, question: Question) -> bool | None:
        try:
            return (await self._answer(question)).value > 0
        except ApiProblem as problem:
            _log.debug("%s/%s: %s", question.namespace, question.pipeline, problem)
            return None


def _written(message: Message) -> bytes:
    return message.SerializeToString()


def question_of(namespace: str, metadata: Mapping[str, str]) -> Question:
    """What a trigger asks. Raises BadQuestion for metadata that no plan of ours has."""
    pipeline, metric = metadata.get(PIPELINE, ""), metadata.get(METRIC, "")
    if not pipeline:
        raise BadQuestion(f"{PIPELINE}: found none, expected the name of a pipeline in {namespace}; add it")
    if metric not in LABELS:
        raise BadQuestion(f"{METRIC}: found {metric!r}, expected {' or '.join(LABELS)}; correct it")
    label = LABELS[metric]
    if label == PROCESS and label not in metadata:
        raise BadQuestion(f"{PROCESS}: found none, expected that of {metric}; add it")
    return Question(namespace, pipeline, metric, {label: metadata[label]} if label in metadata else {})


def target_of(metadata: Mapping[str, str]) -> int:
    """How much one pod should have. Raises BadQuestion."""
    text = metadata.get(TARGET, "")
    if not text.isdecimal() or not int(text):
        raise BadQuestion(f"{TARGET}: found {text!r}, expected a whole number above 0; correct it")
    return int(text)


async def _question(ref: keda.ScaledObjectRef, context: _Context) -> Question:
    try:
        return question_of(ref.namespace, ref.scalerMetadata)
    except BadQuestion as problem:
        await _refuse(context, problem)


async def _refuse(context: _Context, problem: ApiProblem) -> NoReturn:
    await context.abort(_CODES.get(type(problem), grpc.StatusCode.UNAVAILABLE), str(problem))


def _credentials(serving: Callable[[], Serving]) -> grpc.ServerCredentials:
    def newest() -> grpc.ServerCertificateConfiguration:
        found = serving()
        return grpc.ssl_server_certificate_configuration([(found.key, found.chain)])

    return grpc.dynamic_ssl_server_credentials(newest(), newest)
