"""The one fetcher: the bytes of media that a sample only refers to, and no other way to get at them.

Whoever sends a sample chooses the URI, so fetching it is the request that an attacker forges (server-side request
forgery, OWASP A10:2021). Everything that fetches goes through :class:`Fetcher`, which refuses what the spec does not
allow (``source.references``), and nothing else in mmpipe opens a connection that a sample names.

``targets`` says what a URI names and which URIs are none; ``addresses`` which addresses may be spoken to;
``connecting`` resolves once and connects to that very address; ``web`` asks over HTTP, redirects by hand; ``disk``
keeps what came by its SHA-256; ``fetcher`` puts them together. Neighbours: ``objects`` holds what was uploaded;
stage servers and the worker call in. What is refused, and why, is on one page: docs/references.md.
"""

from mmpipe.adapters.fetch.errors import ContentDiffers, FetchError, FetchFailed, FetchRefused, NotMedia
from mmpipe.adapters.fetch.fetcher import CACHE_BYTES, Downloaded, Fetcher
from mmpipe.adapters.fetch.targets import file_name

__all__ = [
    "CACHE_BYTES",
    "ContentDiffers",
    "Downloaded",
    "FetchError",
    "FetchFailed",
    "FetchRefused",
    "Fetcher",
    "NotMedia",
    "file_name",
]
