"""Every method of ``GatewayService``, each handed to the module of its noun. No decisions here.

Authentication and faults are around all of this (``server``): what a method raises is what its caller gets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from mmpipe.runtimes.gateway.acceptance import Door, accept
from mmpipe.runtimes.gateway.dead_letters import DeadLetters
from mmpipe.runtimes.gateway.ingest import Ingest
from mmpipe.runtimes.gateway.quarantine import Quarantine
from mmpipe.runtimes.gateway.samples import Samples
from mmpipe.runtimes.gateway.searching import Searching
from mmpipe.runtimes.gateway.uploads import Uploads
from mmpipe.v1 import gateway_pb2, gateway_pb2_grpc

type Context = Any
"""Of no use to any method: who calls is known (``authentication.tenant``), and faults are raised."""


@dataclass(frozen=True, slots=True)
class Nouns:
    """What the methods are about."""

    door: Door
    ingest: Ingest
    uploads: Uploads
    samples: Samples
    searching: Searching
    dead_letters: DeadLetters
    quarantine: Quarantine


class GatewayServicer(gateway_pb2_grpc.GatewayServiceServicer):
    """The methods; ``gateway.proto`` says what each one means."""

    def __init__(self, nouns: Nouns) -> None:
        self._nouns = nouns

    async def Submit(self, request: gateway_pb2.SubmitRequest, context: Context) -> gateway_pb2.SubmitResponse:  # noqa: ARG002, N802
        """See ``acceptance``."""
        return gateway_pb2.SubmitResponse(receipt=await accept(self._nouns.door, request.sample))

    async def Ingest(  # noqa: N802
        self,
        request_iterator: AsyncIterator[gateway_pb2.IngestRequest],
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[gateway_pb2.IngestResponse]:
        """See ``ingest``."""
        async for answer in self._nouns.ingest.answers(request_iterator):
            yield answer

    async def Upload(  # noqa: N802
        self,
        request_iterator: AsyncIterator[gateway_pb2.UploadRequest],
        context: Context,  # noqa: ARG002
    ) -> gateway_pb2.UploadResponse:
        """See ``uploads``."""
        return await self._nouns.uploads.upload(request_iterator)

    async def GetSample(self, request: gateway_pb2.GetSampleRequest, context: Context) -> gateway_pb2.GetSampleResponse:  # noqa: ARG002, N802
        """See ``samples``."""
        return gateway_pb2.GetSampleResponse(status=await self._nouns.samples.get(request.sample_id))

    async def WatchSample(  # noqa: N802
        self,
        request: gateway_pb2.WatchSampleRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[gateway_pb2.WatchSampleResponse]:
        """See ``samples``."""
        async for status in self._nouns.samples.watch(request.sample_id):
            yield gateway_pb2.WatchSampleResponse(status=status)

    async def Search(self, request: gateway_pb2.SearchRequest, context: Context) -> gateway_pb2.SearchResponse:  # noqa: ARG002, N802
        """See ``searching``."""
        return await self._nouns.searching.search(request)

    async def ListDeadLetters(  # noqa: N802
        self,
        request: gateway_pb2.ListDeadLettersRequest,
        context: Context,  # noqa: ARG002
    ) -> gateway_pb2.ListDeadLettersResponse:
        """See ``dead_letters``."""
        return await self._nouns.dead_letters.page(request)

    async def RedriveDeadLetters(  # noqa: N802
        self,
        request: gateway_pb2.RedriveDeadLettersRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[gateway_pb2.RedriveDeadLettersResponse]:
        """See ``dead_letters``."""
        async for done in self._nouns.dead_letters.redrive(request):
            yield done

    async def ListQuarantine(  # noqa: N802
        self,
        request: gateway_pb2.ListQuarantineRequest,
        context: Context,  # noqa: ARG002
    ) -> gateway_pb2.ListQuarantineResponse:
        """See ``quarantine``."""
        return await self._nouns.quarantine.page(request)

    async def ReleaseQuarantine(  # noqa: N802
        self,
        request: gateway_pb2.ReleaseQuarantineRequest,
        context: Context,  # noqa: ARG002
    ) -> gateway_pb2.ReleaseQuarantineResponse:
        """See ``quarantine``."""
        return await self._nouns.quarantine.release(request.sample_id)

    async def DeleteSample(  # noqa: N802
        self,
        request: gateway_pb2.DeleteSampleRequest,
        context: Context,  # noqa: ARG002
    ) -> gateway_pb2.DeleteSampleResponse:
        """See ``samples``."""
        return await self._nouns.samples.delete(request.sample_id)
