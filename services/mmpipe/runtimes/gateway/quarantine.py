"""What gates rejected: listed by pages, and let in all the same where a person says so.

A release is a submission of the sample made from its kept originals, with a word to the worker that no gate rejects it.
A sample whose originals were not kept cannot be released from here: whoever has the bytes submits them again.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe.adapters import wire
from mmpipe.adapters.metadata import Metadata
from mmpipe.adapters.metadata.reading import QuarantineFilter, StoredEnvelope, StoredPart
from mmpipe.adapters.metadata.status import SampleStatus
from mmpipe.adapters.objects import SCHEME
from mmpipe.adapters.wire.facts import encode_attributes
from mmpipe.records import Modality
from mmpipe.runtimes.gateway import messages
from mmpipe.runtimes.gateway.acceptance import Door, Submission, submit
from mmpipe.runtimes.gateway.faults import Refusal
from mmpipe.runtimes.gateway.paging import page_size
from mmpipe.runtimes.gateway.samples import unknown
from mmpipe.runtimes.gateway.validation import checked, checked_id
from mmpipe.v1 import error_pb2, gateway_pb2, media_pb2, sample_pb2


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine of a pipeline."""

    door: Door

    async def page(self, request: gateway_pb2.ListQuarantineRequest) -> gateway_pb2.ListQuarantineResponse:
        """Some items, newest first."""
        modality = messages.wanted_modality(request.modality, "modality")
        wanted, size = QuarantineFilter(request.sample_id, request.gate, modality), page_size(request.page_size)
        page = await self.door.metadata.ask(lambda m: m.reader.quarantine_page(wanted, size, request.page_token))
        return gateway_pb2.ListQuarantineResponse(
            items=map(messages.quarantined, page.items), next_page_token=page.next_token
        )

    async def release(self, sample_id: str) -> gateway_pb2.ReleaseQuarantineResponse:
        """Queue it again. Raises Refusal NOT_FOUND where nothing of it is in quarantine, or an original is not kept."""
        checked_id(sample_id)
        status, envelope = await self.door.metadata.ask(lambda metadata: _known(metadata, sample_id))
        if status is None or envelope is None:
            raise unknown(sample_id)
        if not any(part.rejected for part in status.parts):
            raise _not_there(sample_id, "nothing of it in quarantine", "a rejected part", "see ListQuarantine")
        found = checked(_rebuilt(envelope), self.door.schemes)
        occasion = f"release of {status.accepted_at}"
        released = Submission(found, occasion, ignore_gates=True, after=status.accepted_at)
        return gateway_pb2.ReleaseQuarantineResponse(receipt=await submit(self.door, released))


def _known(metadata: Metadata, sample_id: str) -> tuple[SampleStatus | None, StoredEnvelope | None]:
    return metadata.reader.status(sample_id), metadata.reader.envelope_of(sample_id)


def _rebuilt(envelope: StoredEnvelope) -> sample_pb2.Sample:
    if not envelope.parts:
        found, expected = "no part of a readable format", "one to let in"
        raise _not_there(envelope.sample_id, found, expected, "submit it again in a format that mmpipe reads")
    return sample_pb2.Sample(
        id=envelope.sample_id,
        parts=[_part(part) for part in envelope.parts],
        attributes=encode_attributes(envelope.attributes),
    )


def _part(part: StoredPart) -> sample_pb2.Part:
    if not part.object_uri:
        remedy = "submit the sample again, or keep originals: spec.sink.objects.originals: Copy"
        raise _not_there(part.sample_id, f"no original of its {part.modality}", "it in the object store", remedy)
    reference = media_pb2.Reference(uri=f"{SCHEME}{part.sha256}", sha256=part.sha256, size_bytes=part.bytes)
    segment = wire.encode_segment(part.segment) if part.segment else None
    return sample_pb2.Part(
        modality=wire.encode_modality(Modality(part.modality)),
        media=media_pb2.Media(reference=reference, format=part.format, segment=segment),
        uri=part.uri,
        facts=encode_attributes(part.facts).fields,
    )


def _not_there(sample_id: str, found: str, expected: str, remedy: str) -> Refusal:
    message = f"sample {sample_id!r}: found {found}; expected {expected}; {remedy}"
    return Refusal(error_pb2.REASON_NOT_FOUND, message)
