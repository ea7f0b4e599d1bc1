"""The object store: originals by the SHA-256 of their content, in a folder or behind s3://, gs://, az://, memory://.

Equal content has one name and is kept once, so putting it again costs one look. Names look like
``sha256/ab/cd/abcd…``, two levels so that a folder never holds a million entries. Nothing here knows what a sample is.
Neighbours: ``sink`` and the gateway put originals, the search page and ``fetch`` get them, and only ``deletion``, which
knows who else has the same content, deletes any.

Atomicity: an object is there whole or not at all. obstore writes a local file under a staging name and renames it, and
completes a multipart upload in one request. A process killed in between leaves a staging file that nobody looks at.

Durability of a local folder: no fsync for each object (it would cost more than decoding a JPEG); the kernel writes back
within half a minute, and ``kill -9`` loses nothing. After a power failure a file may be short, so an object counts as
present only with its full size, and the next put of it writes it again.

Retries are obstore's own (exponential backoff with jitter); credentials, region and endpoint come from the environment
in each cloud's own terms (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT``, …) or are given.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from mmpipe.adapters.errors import StoreError, StoreRefused, StoreUnreachable, public_uri
from mmpipe.records import Reference

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEME = "object:"
"""How the URI of a reference to this store begins; the SHA-256 follows."""

_CHUNK_BYTES = 8 * 1024 * 1024
_CHUNKS_IN_FLIGHT = 4
"""A large original leaves in parts: 32 MiB in memory at most, and 80 GB within S3's limit of 10,000 parts."""
_RETRIES = 5
_RETRY_TIMEOUT = timedelta(seconds=30)
_CLOUDS = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "memory")
_NO_ANSWER = re.compile(r"error sending request|timed out|status(?: code)?:? (?:5\d\d|429)")


class Objects:
    """Content-addressed objects under one URI. Safe for threads."""

    def __init__(self, store: ObjectStore, root: str) -> None:
        self._store = store
        self._root = root.rstrip("/")

    @classmethod
    def open(cls, uri: str, credentials: Mapping[str, str] | None = None) -> Objects:
        """The store at ``uri``: a folder (made if missing), ``file://``, ``s3://``, ``gs://``, ``az://`` or ``memory://``.

        ``credentials`` are settings in the cloud's own terms (``aws_access_key_id``, …, ``aws_allow_http``), over
        those of the environment. Nothing is asked yet; a store that isn't there shows at the first put. Raises
        StoreRefused for a URI that can't be used.
        """
        scheme = urlsplit(uri).scheme
        try:
            if scheme in ("", "file"):
                return cls._local(Path(uri if scheme == "" else unquote(urlsplit(uri).path)))
            return cls(_cloud(uri, scheme, credentials or {}), public_uri(uri))
        except (BaseError, OSError) as error:
            raise _refused(public_uri(uri), error) from error

    @classmethod
    def _local(cls, folder: Path) -> Objects:
        folder = folder.absolute()
        return cls(LocalStore(folder, mkdir=True), folder.as_uri())

    def put(self, content: bytes | mmap, sha256: str) -> str:
        """Keep ``content`` under its digest and say where: the URI. Costs one look when it is there already.

        A large ``mmap`` goes out in parts straight from the mapping. Raises StoreUnreachable or StoreRefused.
        """
        if not self.exists(sha256, len(content)):
            self._ask(
                lambda: obstore.put(
                    self._store,
                    _key(sha256),
                    content,
                    chunk_size=_CHUNK_BYTES,
                    max_concurrency=_CHUNKS_IN_FLIGHT,
                )
            )
        return self.uri_of(sha256)

    def put_stream(self, chunks: Iterable[bytes], spool: Path | None = None) -> tuple[str, int]:
        """Keep what arrives in chunks; its SHA-256 and its size. If ``chunks`` raises, nothing was kept.

        An object's name is known only at its end, so it is spooled to a file in the folder ``spool`` (the system's for
        temporary files) first. Raises StoreUnreachable or StoreRefused.
        """
        with tempfile.TemporaryFile(dir=spool) as file:
            sha256, size = _spooled(chunks, file)
            self.put(_mapped(file, size), sha256)
        return sha256, size

    def get(self, sha256: str) -> bytes:
        """The content. Raises StoreRefused where there is none."""
        return bytes(self._ask(lambda: obstore.get(self._store, _key(sha256)).bytes()))

    def get_to(self, path: Path, sha256: str) -> int:
        """Write the content to ``path``, a few MiB at a time, and check it; its size.

        Raises StoreRefused where there is none or it is not what its name says (see Durability above); then there is no
        file.
        """
        try:
            with path.open("wb") as file:
                found, size = _spooled(self._chunks(sha256), file)
            self._check(found, sha256, size)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return size

    def read_range(self, sha256: str, start: int, length: int) -> bytes:
        """``length`` bytes of the content from ``start``, fewer at its end. Raises StoreRefused past it."""
        return bytes(self._ask(lambda: obstore.get_range(self._store, _key(sha256), start=start, length=length)))

    def delete(self, sha256: str) -> None:
        """Forget an object; one that is not there does not matter."""
        self._ask(lambda: self._delete(sha256))

    def exists(self, sha256: str, size: int | None = None) -> bool:
        """Whether the object is there, with ``size`` bytes if given (see Durability above)."""
        found = self._ask(lambda: self._size(sha256))
        return found is not None and size in (None, found)

    def uri_of(self, sha256: str) -> str:
        """Where the object is or would be."""
        return f"{self._root}/{_key(sha256)}"

    def _check(self, found: str, sha256: str, size: int) -> None:
        if found != sha256:
            expected, remedy = "those that its name says", "put it there again"
            raise StoreRefused(self.uri_of(sha256), f"{size} bytes with the SHA-256 {found}", expected, remedy)

    def _chunks(self, sha256: str) -> Iterator[bytes]:
        stream = self._ask(lambda: obstore.get(self._store, _key(sha256)).stream(min_chunk_size=_CHUNK_BYTES))
        while (chunk := self._ask(lambda: next(stream, None))) is not None:
            yield bytes(chunk)

    def _delete(self, sha256: str) -> None:
        with suppress(FileNotFoundError):
            obstore.delete(self._store, _key(sha256))

    def _size(self, sha256: str) -> int | None:
        try:
            return obstore.head(self._store, _key(sha256))["size"]
        except FileNotFoundError:
            return None

    def _ask(self, question: Any) -> Any:  # noqa: ANN401  # whatever obstore answers
        try:
            return question()
        except (BaseError, OSError) as error:
            raise _translated(self._root, error) from error


def reference(sha256: str, size_bytes: int) -> Reference:
    """A reference to an object of this store."""
    return Reference(f"{SCHEME}{sha256}", sha256, size_bytes)


def in_own_store(refers: Reference) -> bool:
    """Whether a reference is to an object of the pipeline's own store."""
    return refers.uri.startswith(SCHEME)


def _spooled(chunks: Iterable[bytes], file: IO[bytes]) -> tuple[str, int]:
    """Write the chunks to a file; their SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += file.write(chunk)
    file.flush()
    return digest.hexdigest(), size


def _mapped(file: IO[bytes], size: int) -> bytes | mmap:
    """The content of a file, without reading it; an empty one can't be mapped. Closed when nobody looks at it."""
    return mmap(file.fileno(), 0, access=ACCESS_READ) if size else b""


def _key(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _cloud(uri: str, scheme: str, credentials: Mapping[str, str]) -> ObjectStore:
    if scheme not in _CLOUDS:
        raise StoreRefused(public_uri(uri), f"scheme {scheme}://", f"a folder, {', '.join(_CLOUDS)}", "change the URI")
    settings: dict[str, Any] = {}
    if credentials:
        # obstore panics on this one among the others: to it, it is an option of the HTTP client.
        plain_http = {key: value for key, value in credentials.items() if key.lower().endswith("allow_http")}
        settings["config"] = {key: value for key, value in credentials.items() if key not in plain_http}
        settings["client_options"] = {"allow_http": "true" in map(str.lower, plain_http.values())}
    if scheme != "memory":
        settings["retry_config"] = {"max_retries": _RETRIES, "retry_timeout": _RETRY_TIMEOUT}
    return from_url(uri, **settings)


def _translated(root: str, error: Exception) -> StoreError:
    text = _first_line(error)
    if _NO_ANSWER.search(text):
        return StoreUnreachable(root, text, "an answer", "see that the store runs and that its endpoint is right")
    return _refused(root, error)


def _refused(root: str, error: Exception) -> StoreRefused:
    remedy = "see that it exists and that the credentials and permissions in the environment fit"
    return StoreRefused(root, _first_line(error), "to be let in", remedy)


def _first_line(error: Exception) -> str:
    """The sentence of obstore, without the dump of Rust structures that it adds."""
    return str(error).partition("\n\nDebug source")[0].strip()
