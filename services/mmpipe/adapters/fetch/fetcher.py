"""From a reference to bytes: look on disk, else fetch from the object store or the web, check, keep.

Two callers. A stage server gets media whose bytes lie elsewhere and calls :meth:`Fetcher.fetch` before any stage sees
them. The worker calls :meth:`Fetcher.download` for a URI that nobody has read yet, and puts the bytes into the object
store, so that all that follows sees the same bytes however the web changes.

No retries in here: the caller's one layer has them. Bytes of the object store have been let in before, by the gateway
and its limits, so ``maxBytes`` holds for the web only.
"""

from __future__ import annotations

import hashlib
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from mmpipe import telemetry
from mmpipe.adapters.errors import StoreRefused
from mmpipe.adapters.fetch.connecting import Connector, Countdown, Resolve
from mmpipe.adapters.fetch.disk import DiskCache
from mmpipe.adapters.fetch.errors import ContentDiffers, FetchFailed, FetchRefused, NotMedia
from mmpipe.adapters.fetch.measuring import measured
from mmpipe.adapters.fetch.targets import digest_said, file_name, is_object, object_digest
from mmpipe.adapters.fetch.web import Web, Write
from mmpipe.adapters.inputs.content import Content
from mmpipe.records import Media, Modality, Reference, Rejected
from mmpipe.resilience import deadline
from mmpipe.spec.delivery import References
from mmpipe.stages.formats import recognise

CACHE_BYTES = 4 * 1024**3
"""Room on disk unless told otherwise; the last medium used is kept even where it alone is larger."""


class ObjectSource(Protocol):
    """As much of :class:`mmpipe.adapters.objects.Objects` as is read from."""

    def get_to(self, path: Path, sha256: str) -> object:
        """Write the object to a file. Raises StoreRefused where it is not there or not whole, StoreUnreachable."""
        ...

    def exists(self, sha256: str) -> bool:
        """Whether the object is there."""
        ...


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Bytes, in memory while small and mapped when not, and their SHA-256."""

    content: Content
    sha256: str

    @property
    def size_bytes(self) -> int:
        """How many they are."""
        return len(self.content)


class Fetcher:
    """The one fetcher (see the package). Safe for threads; several processes may share ``folder``."""

    def __init__(
        self,
        options: References,
        objects: ObjectSource,
        folder: Path,
        cache_bytes: int = CACHE_BYTES,
        *,
        resolve: Resolve = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        connector = Connector(options.private_networks, resolve)
        self._web = Web(connector, options.schemes, options.max_bytes, options.max_redirects)
        self._timeout_s = options.timeout_seconds
        self._objects = objects
        self._disk = DiskCache(folder, cache_bytes)
        self._clock = clock

    def __call__(self, media: Media, declared: Modality | None = None) -> Media:
        """See :meth:`fetch`."""
        return self.fetch(media, declared)

    def fetch(self, media: Media, declared: Modality | None = None) -> Media:
        """The same media with its bytes and no reference; what has its bytes already comes back as it is.

        The format is what the bytes are, never what was said of them: a format that came along, or the suffix of the
        URI, only chooses among flavours of text. ``declared`` is the modality that they must be able to be.

        Raises FetchRefused for a verdict, FetchFailed for what another try may mend, StoreError for the object store.
        """
        if media.reference is None:
            return media
        uri = media.reference.uri
        content = self._fetched(media.reference).content
        found = recognise(content, declared, f"the medium.{media.format}" if media.format else file_name(uri))
        if isinstance(found, Rejected):
            raise NotMedia(uri, found)
        return Media(content, found.format, media.segment)

    def download(self, uri: str, sha256: str = "", size_bytes: int = 0) -> Downloaded:
        """The bytes that a URI leads to, checked against digest and size where given. Raises as :meth:`fetch` does."""
        return self._fetched(Reference(uri, sha256, size_bytes))

    def _fetched(self, reference: Reference) -> Downloaded:
        uri, sha256 = reference.uri, digest_said(reference.uri, reference.sha256)
        if is_object(uri):
            sha256 = object_digest(uri, sha256)
        else:
            self._web.check(uri)  # kept or not, the spec is asked
        wanted = Reference(uri, sha256, reference.size_bytes)
        with _folder_faults(uri):
            fetched = self._looked_up(sha256) or self._fill(wanted)
        if wanted.size_bytes not in (0, fetched.size_bytes):
            expected, remedy = f"the {wanted.size_bytes} that were said", "send the sample again with what is there"
            raise ContentDiffers(uri, f"{fetched.size_bytes} bytes", expected, remedy)
        return fetched

    def _looked_up(self, sha256: str) -> Downloaded | None:
        if not sha256:
            return None
        kept = self._kept(sha256)
        telemetry.count("mmpipe.cache.requests", cache="media", result="hit" if kept else "miss")
        return kept

    def _kept(self, sha256: str) -> Downloaded | None:
        content = self._disk.get(sha256) if sha256 else None
        return None if content is None else Downloaded(content, sha256)

    def _fill(self, wanted: Reference) -> Downloaded:
        countdown = Countdown(self._clock, self._clock() + self._time_s())
        with self._disk.filling(_key(wanted), countdown.remaining_s) as data:
            kept = self._kept(wanted.sha256)  # by whoever was waited for
            if kept is not None:
                return kept
            with measured(wanted.uri.partition(":")[0].lower(), data):
                sha256 = self._fetch_into(data, wanted, countdown)
            return Downloaded(self._disk.keep(data, sha256), sha256)

    def _time_s(self) -> float:
        """What the spec allows for one medium, or less where the caller has less left."""
        left_s = deadline.remaining()
        return self._timeout_s if left_s is None else min(self._timeout_s, left_s)

    def _fetch_into(self, data: Path, wanted: Reference, countdown: Countdown) -> str:
        """Write the bytes, and check them; their SHA-256."""
        if is_object(wanted.uri):
            self._objects_to(data, wanted)
            return wanted.sha256
        with data.open("wb") as file:
            self._web.download(wanted.uri, _to(file, wanted.uri), countdown)
        with data.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if wanted.sha256 not in ("", sha256):
            remedy = "send the sample again with what is there"
            raise ContentDiffers(wanted.uri, f"bytes with the SHA-256 {sha256}", wanted.sha256, remedy)
        return sha256

    def _objects_to(self, data: Path, wanted: Reference) -> None:
        try:
            self._objects.get_to(data, wanted.sha256)
        except StoreRefused as error:
            if self._objects.exists(wanted.sha256):
                raise
            found, remedy = "nothing in the object store", "upload it before the sample that refers to it"
            raise FetchRefused(wanted.uri, found, "an object of that SHA-256", remedy) from error


def _key(wanted: Reference) -> str:
    """What is fetched once at a time. Place and digest both: a slow place that claims a digest holds up no other.

    Without a digest nobody can say that two answers will be the same, so each fetch goes by itself.
    """
    if not wanted.sha256:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{wanted.uri}\n{wanted.sha256}".encode()).hexdigest()


def _to(file: BinaryIO, uri: str) -> Write:
    """Write to the file; a full disk is told from a broken connection, which is an OSError too."""

    def write(chunk: bytes) -> None:
        with _folder_faults(uri):
            file.write(chunk)

    return write


@contextmanager
def _folder_faults(uri: str) -> Iterator[None]:
    """What goes wrong with the folder, in our words: never a verdict on the sample."""
    try:
        yield
    except TimeoutError as error:
        remedy = "try again later, or raise source.references.timeoutSeconds"
        raise FetchFailed(uri, "another fetch of it under way", "its end in time", remedy) from error
    except OSError as error:
        found, remedy = f"a cache folder that does not take it ({error.strerror})", "give the folder more room"
        raise FetchFailed(uri, found, "room on this machine's disk", remedy) from error
