"""The answers of :class:`mmpipe.client.testing.FakeGateway`: every method of the door, over a dictionary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mmpipe.adapters.health import Health
from mmpipe.adapters.rpc_faults import CallFault, abort, encode
from mmpipe.adapters.wire import WireError, decode_sample
from mmpipe.client import _refusals as refusals
from mmpipe.client.testing import Shelf
from mmpipe.v1 import gateway_pb2, gateway_pb2_grpc, media_pb2, sample_pb2
from mmpipe.v1.error_pb2 import Reason

_SETTLED = {
    sample_pb2.SAMPLE_STATE_STORED,
    sample_pb2.SAMPLE_STATE_QUARANTINED,
    sample_pb2.SAMPLE_STATE_DEAD,
}
_PAGE = 100
_MAX_REDRIVES = 3
GENERATION = "fake_g1"
MODEL = "fake@0"


def add_to(server: grpc.Server, shelf: Shelf) -> None:
    """Let a server answer for this shelf, say that it does, and describe it to grpcurl."""
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    gateway_pb2_grpc.add_GatewayServiceServicer_to_server(_Servicer(shelf), server)
    names = [service.full_name for service in gateway_pb2.DESCRIPTOR.services_by_name.values()]
    reflection.enable_server_reflection([*names, reflection.SERVICE_NAME, health.SERVICE_NAME], server)


class _Servicer(gateway_pb2_grpc.GatewayServiceServicer):
    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def Submit(  # noqa: N802
        self, request: gateway_pb2.SubmitRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.SubmitResponse:
        self._enter("Submit", context)
        receipt = self._accept(request.sample, "sample")
        if isinstance(receipt, CallFault):
            abort(context, receipt)
        return gateway_pb2.SubmitResponse(receipt=receipt)

    def Ingest(  # noqa: N802
        self, request_iterator: Iterator[gateway_pb2.IngestRequest], context: grpc.ServicerContext
    ) -> Iterator[gateway_pb2.IngestResponse]:
        self._enter("Ingest", context, faults=False)
        for request in request_iterator:
            self._next_fault("Ingest", context)
            self.shelf.packs.append(len(request.samples))
            self.shelf.on_pack(len(self.shelf.packs))
            self.shelf.pack_bytes.append(sum(sample.ByteSize() for sample in request.samples))
            receipts = [self._receipt(sample, f"samples[{at}]") for at, sample in enumerate(request.samples)]
            yield gateway_pb2.IngestResponse(pack=request.pack, receipts=receipts)

    def Upload(  # noqa: N802
        self, request_iterator: Iterator[gateway_pb2.UploadRequest], context: grpc.ServicerContext
    ) -> gateway_pb2.UploadResponse:
        self._enter("Upload", context)
        content = bytearray()
        for request in request_iterator:
            content += request.chunk
            self.shelf.received_bytes += len(request.chunk)
            if max(request.size_bytes, len(content)) > self.shelf.max_upload_bytes:
                abort(context, refusals.too_large(max(request.size_bytes, len(content)), self.shelf.max_upload_bytes))
        if not content:
            abort(context, refusals.bad("chunk", "an upload of nothing", "at least one byte", "send the medium"))
        sha256 = hashlib.sha256(content).hexdigest()
        self.shelf.objects[sha256] = bytes(content)
        reference = media_pb2.Reference(uri=f"object:{sha256}", sha256=sha256, size_bytes=len(content))
        return gateway_pb2.UploadResponse(reference=reference)

    def GetSample(  # noqa: N802
        self, request: gateway_pb2.GetSampleRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.GetSampleResponse:
        self._enter("GetSample", context)
        return gateway_pb2.GetSampleResponse(status=self._status(request.sample_id, context))

    def WatchSample(  # noqa: N802
        self, request: gateway_pb2.WatchSampleRequest, context: grpc.ServicerContext
    ) -> Iterator[gateway_pb2.WatchSampleResponse]:
        self._enter("WatchSample", context)
        status = self._status(request.sample_id, context)
        while context.is_active():
            yield gateway_pb2.WatchSampleResponse(status=status)
            if status.state in _SETTLED:
                return
            status = self._changed(status, context)

    def Search(  # noqa: N802
        self, request: gateway_pb2.SearchRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.SearchResponse:
        self._enter("Search", context)
        if not request.query:
            abort(context, refusals.bad("query", "none", "at least one part", "say what to look for"))
        hits = [hit for sample in self.shelf.samples.values() for hit in _hits(sample, request)]
        best = sorted(hits, key=lambda hit: -hit.score)[: request.top or 10]
        return gateway_pb2.SearchResponse(hits=best, generation=GENERATION, model=MODEL)

    def ListDeadLetters(  # noqa: N802
        self, request: gateway_pb2.ListDeadLettersRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.ListDeadLettersResponse:
        self._enter("ListDeadLetters", context)
        letters = [letter for letter in self.shelf.dead_letters if _fits(letter, request.filter)]
        some, token = _page(letters, request.page_size, request.page_token)
        return gateway_pb2.ListDeadLettersResponse(dead_letters=some, next_page_token=token, total=len(letters))

    def RedriveDeadLetters(  # noqa: N802
        self, request: gateway_pb2.RedriveDeadLettersRequest, context: grpc.ServicerContext
    ) -> Iterator[gateway_pb2.RedriveDeadLettersResponse]:
        self._enter("RedriveDeadLetters", context)
        most = request.max_redrives or _MAX_REDRIVES
        for letter in [letter for letter in self.shelf.dead_letters if _fits(letter, request.filter)]:
            redriven = letter.redrives < most
            if redriven and not request.dry_run:
                self._requeue(letter)
            reason = "" if redriven else f"it was redriven {letter.redrives} times without success"
            yield gateway_pb2.RedriveDeadLettersResponse(sample_id=letter.sample_id, redriven=redriven, reason=reason)

    def ListQuarantine(  # noqa: N802
        self, request: gateway_pb2.ListQuarantineRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.ListQuarantineResponse:
        self._enter("ListQuarantine", context)
        items = [item for item in self.shelf.quarantine if _wanted(item, request)]
        some, token = _page(items, request.page_size, request.page_token)
        return gateway_pb2.ListQuarantineResponse(items=some, next_page_token=token)

    def ReleaseQuarantine(  # noqa: N802
        self, request: gateway_pb2.ReleaseQuarantineRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.ReleaseQuarantineResponse:
        self._enter("ReleaseQuarantine", context)
        self._status(request.sample_id, context)
        if all(item.sample_id != request.sample_id for item in self.shelf.quarantine):
            abort(context, refusals.unknown(request.sample_id))
        self.shelf.quarantine = [item for item in self.shelf.quarantine if item.sample_id != request.sample_id]
        self._queue(request.sample_id)
        return gateway_pb2.ReleaseQuarantineResponse(receipt=gateway_pb2.Receipt(sample_id=request.sample_id))

    def DeleteSample(  # noqa: N802
        self, request: gateway_pb2.DeleteSampleRequest, context: grpc.ServicerContext
    ) -> gateway_pb2.DeleteSampleResponse:
        self._enter("DeleteSample", context)
        self._status(request.sample_id, context)
        parts = self.shelf.samples.pop(request.sample_id).parts
        del self.shelf.statuses[request.sample_id]
        self.shelf.dead_letters = [each for each in self.shelf.dead_letters if each.sample_id != request.sample_id]
        self.shelf.redrives.pop(request.sample_id, None)
        originals = sum(part.media.HasField("reference") for part in parts)
        return gateway_pb2.DeleteSampleResponse(vectors=len(parts) + 1, originals=originals)

    def _enter(self, method: str, context: grpc.ServicerContext, *, faults: bool = True) -> None:
        """What every method does first: look at the token, and fail where the test asked for it."""
        self.shelf.calls.append(method)
        told = {key: value for key, value in context.invocation_metadata()}  # noqa: C416  # pairs, of grpc's own kind
        if self.shelf.token and told.get("authorization") != f"Bearer {self.shelf.token}":
            message = "authorization: found no token of ours; expected Bearer TOKEN; give one"
            abort(context, refusals.refusal(Reason.REASON_NOT_AUTHENTICATED, message))
        if faults:
            self._next_fault(method, context)

    def _next_fault(self, method: str, context: grpc.ServicerContext) -> None:
        with suppress(IndexError):
            abort(context, self.shelf.faults[method].popleft())

    def _accept(self, sample: sample_pb2.Sample, field: str) -> gateway_pb2.Receipt | CallFault:
        """Take one sample; the same one again is a duplicate."""
        try:
            decode_sample(sample, field)
        except WireError as error:
            return refusals.refusal(Reason.REASON_BAD_FIELD, str(error), error.field)
        if refused := next(refusals.refused(sample, self.shelf.objects, field), None):
            return refused
        sample_id = sample.id or hashlib.sha256(sample.SerializeToString(deterministic=True)).hexdigest()
        with self.shelf.changed:
            duplicate = self.shelf.samples.get(sample_id) == sample and not self._is_dead(sample_id)
            self.shelf.samples[sample_id] = sample
        if not duplicate:
            self._queue(sample_id)
        return gateway_pb2.Receipt(sample_id=sample_id, duplicate=duplicate)

    def _receipt(self, sample: sample_pb2.Sample, field: str) -> gateway_pb2.Receipt:
        faults = self.shelf.faults["sample"]
        outcome = faults.popleft() if faults else self._accept(sample, field)
        if isinstance(outcome, CallFault):
            return gateway_pb2.Receipt(sample_id=sample.id, error=encode(outcome))
        return outcome

    def _queue(self, sample_id: str) -> None:
        status = sample_pb2.SampleStatus(sample_id=sample_id, state=sample_pb2.SAMPLE_STATE_QUEUED)
        status.accepted_at.GetCurrentTime()
        with self.shelf.changed:
            self.shelf.queued.append(sample_id)
            self.shelf.statuses[sample_id] = status
            self.shelf.changed.notify_all()

    def _requeue(self, letter: gateway_pb2.DeadLetter) -> None:
        self.shelf.dead_letters.remove(letter)
        self.shelf.redrives[letter.sample_id] = letter.redrives + 1
        self._queue(letter.sample_id)

    def _is_dead(self, sample_id: str) -> bool:
        return self.shelf.statuses[sample_id].state == sample_pb2.SAMPLE_STATE_DEAD

    def _status(self, sample_id: str, context: grpc.ServicerContext) -> sample_pb2.SampleStatus:
        if not sample_id:
            abort(context, refusals.bad("sample_id", "nothing", "the id of a sample", "fill it in"))
        with self.shelf.changed:
            if sample_id not in self.shelf.statuses:
                abort(context, refusals.unknown(sample_id))
            return _copy(self.shelf.statuses[sample_id])

    def _changed(self, seen: sample_pb2.SampleStatus, context: grpc.ServicerContext) -> sample_pb2.SampleStatus:
        """The status once it is another; the same one where the server stops or the caller has gone."""
        context.add_callback(self._wake)
        with self.shelf.changed:
            statuses = self.shelf.statuses
            self.shelf.changed.wait_for(
                lambda: self.shelf.stopping or not context.is_active() or statuses.get(seen.sample_id) != seen
            )
            if self.shelf.stopping:
                abort(context, refusals.refusal(Reason.REASON_NOT_SERVING, "the gateway stops", retry_after_s=0.0))
            return _copy(statuses.get(seen.sample_id, seen))

    def _wake(self) -> None:
        with self.shelf.changed:
            self.shelf.changed.notify_all()


def _copy(status: sample_pb2.SampleStatus) -> sample_pb2.SampleStatus:
    copied = sample_pb2.SampleStatus()
    copied.CopyFrom(status)
    return copied


def _hits(sample: sample_pb2.Sample, request: gateway_pb2.SearchRequest) -> Iterator[gateway_pb2.Hit]:
    """A hit for a sample with a part like one that is asked for: texts by what they hold, other media by equality."""
    for part in sample.parts:
        score = max((_likeness(part.media, asked.media) for asked in request.query), default=0.0)
        said = media_pb2.MODALITY_TEXT if part.media.WhichOneof("source") == "text" else part.modality
        modality = media_pb2.Modality.Name(said).removeprefix("MODALITY_").lower()
        if score and (not request.modalities or modality in request.modalities):
            yield gateway_pb2.Hit(
                score=score, sample_id=sample.id, modality=modality, uri=part.uri, attributes=sample.attributes
            )
            return


def _likeness(stored: media_pb2.Media, asked: media_pb2.Media) -> float:
    if stored.WhichOneof("source") == asked.WhichOneof("source") == "text":
        words = asked.text.split()
        return sum(word in stored.text.split() for word in words) / len(words) if words else 0.0
    return float((stored.content, stored.reference.sha256) == (asked.content, asked.reference.sha256))


def _fits(letter: gateway_pb2.DeadLetter, wanted: gateway_pb2.DeadLetterFilter) -> bool:
    return (
        (not wanted.sample_ids or letter.sample_id in wanted.sample_ids)
        and letter.stage.startswith(wanted.stage)
        and wanted.reason_contains in letter.reason
        and (not wanted.modality or wanted.modality in letter.modalities)
        and (not wanted.HasField("since") or _ns(letter.last_seen) >= _ns(wanted.since))
        and (not wanted.HasField("until") or _ns(letter.last_seen) < _ns(wanted.until))
    )


def _wanted(item: gateway_pb2.QuarantinedItem, request: gateway_pb2.ListQuarantineRequest) -> bool:
    return (
        (not request.sample_id or item.sample_id == request.sample_id)
        and item.rejected.gate.startswith(request.gate)
        and (not request.modality or item.modality == request.modality)
    )


def _page[Entry](entries: Iterable[Entry], size: int, token: str) -> tuple[list[Entry], str]:
    rest = list(entries)[int(token or 0) :]
    some = rest[: size or _PAGE]
    return some, str(int(token or 0) + len(some)) if len(rest) > len(some) else ""


def _ns(stamp: Timestamp) -> int:
    return stamp.ToNanoseconds()
