"""From an envelope to a sample whose bytes are inline, or in the pipeline's own object store.

What a sample refers to elsewhere is fetched once, here, by the one guarded fetcher, and kept like any original: the
stage services then read it from the object store, and what was embedded stays what is stored. Media that nobody has
looked at yet are recognised from their content.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from mmpipe.adapters import wire
from mmpipe.adapters.fetch import Fetcher, FetchRefused, file_name
from mmpipe.adapters.objects import SCHEME, Objects, reference
from mmpipe.adapters.wire.facts import decode_attributes
from mmpipe.records import Media, Rejected, Sample
from mmpipe.stages.formats import recognise
from mmpipe.v1 import media_pb2, sample_pb2

THREADS = 8
"""Of its own, so that slow servers of other people hold up nothing but what was to be fetched."""


class Arrivals:
    """Samples from envelopes. Raises WireError, FetchFailed, StoreError."""

    def __init__(self, fetcher: Fetcher, objects: Objects) -> None:
        self._fetcher, self._objects = fetcher, objects
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mmpipe-fetch")

    def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sample(self, message: sample_pb2.Sample) -> Sample:
        """The sample; a reference that is refused becomes an unreadable part, with the reason."""
        if all(_is_settled(part) for part in message.parts):
            return wire.decode_sample(message, "sample")
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, context.run, self._settled, message)

    def _settled(self, message: sample_pb2.Sample) -> Sample:
        known, refused = sample_pb2.Sample(id=message.id, attributes=message.attributes), {}
        for part in message.parts:
            brought = part if _is_settled(part) else self._brought(part)
            if isinstance(brought, Rejected):
                refused[part.uri or part.media.reference.uri] = brought
            else:
                known.parts.append(brought)
        if not known.parts:
            return Sample(message.id, (), decode_attributes(message.attributes, "sample.attributes"), refused)
        sample = wire.decode_sample(known, "sample")
        return replace(sample, unreadable={**sample.unreadable, **refused})

    def _brought(self, part: sample_pb2.Part) -> sample_pb2.Part | Rejected:
        """The part with its bytes in the object store, and what they are."""
        media = wire.decode_media(part.media, "media")
        said = media.reference
        assert said is not None  # noqa: S101  # only parts by reference are brought
        declared = wire.decode_modality(part.modality, "modality") if part.modality else None
        uri = part.uri or said.uri
        try:
            fetched = self._fetcher.download(said.uri, said.sha256, said.size_bytes)
        except FetchRefused as refusal:
            return refusal.verdict()
        name = f"the medium.{media.format}" if media.format else file_name(said.uri)
        found = recognise(fetched.content, declared, name)
        if isinstance(found, Rejected):
            return found
        self._objects.put(fetched.content, fetched.sha256)
        own = Media(b"", found.format, media.segment, reference(fetched.sha256, fetched.size_bytes))
        return sample_pb2.Part(
            modality=wire.encode_modality(found.modality), media=wire.encode_media(own), uri=uri, facts=part.facts
        )


def _is_settled(part: sample_pb2.Part) -> bool:
    """Whether its bytes came along, or lie in the object store and somebody has looked at them."""
    media: media_pb2.Media = part.media
    if media.WhichOneof("source") != "reference":
        return True
    return media.reference.uri.startswith(SCHEME) and bool(media.format) and bool(part.modality)
