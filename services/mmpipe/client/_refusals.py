"""What :class:`mmpipe.client.testing.FakeGateway` refuses, in the words of the catalogue. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmpipe.adapters.rpc_faults import CallFault, fault, status_of
from mmpipe.v1 import sample_pb2
from mmpipe.v1.error_pb2 import Reason


def refusal(reason: Reason.ValueType, message: str, field: str = "", retry_after_s: float | None = None) -> CallFault:
    """A fault of this reason, with the code that the catalogue gives it."""
    return fault(status_of(reason), reason, message, field, retry_after_s)


def bad(field: str, found: str, expected: str, remedy: str) -> CallFault:
    """A field that cannot be meant."""
    return refusal(Reason.REASON_BAD_FIELD, f"{field}: found {found}; expected {expected}; {remedy}", field)


def refused(sample: sample_pb2.Sample, objects: Mapping[str, bytes], field: str) -> Iterator[CallFault]:
    """What is wrong with the references of a sample: objects that are not there, and schemes that nobody fetches."""
    for at, part in enumerate(sample.parts):
        place, found = f"{field}.parts[{at}].media.reference", part.media.reference
        if found.uri.startswith("object:") and found.sha256 not in objects:
            yield bad(place, "no such object", "one that was uploaded", "send the reference that Upload answers")
        elif found.uri and not found.uri.startswith(("object:", "https:")):
            message = f"{place}.uri: found {found.uri[:60]!r}; expected https or object; upload the medium"
            yield refusal(Reason.REASON_REFERENCE_REFUSED, message, f"{place}.uri")


def unknown(sample_id: str) -> CallFault:
    """A sample that nobody has heard of."""
    return refusal(Reason.REASON_NOT_FOUND, f"sample {sample_id!r}: found none; expected one that was accepted")


def too_large(found: int, most: int) -> CallFault:
    """A medium above the limit."""
    message = f"medium: found {found} bytes; expected at most {most}; ask for a higher maxUploadBytes"
    return refusal(Reason.REASON_TOO_LARGE, message, "size_bytes")
