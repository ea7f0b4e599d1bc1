"""What can go wrong with a store: the vectors, the metadata, the objects.

::

    MmpipeError
    └── StoreError              a store can't be used; exit code 3
        ├── StoreUnreachable    no answer, or "not now": worth another try, and tried again by ``patience``
        │   └── SampleBusy      a worker is writing the sample: worth another try, in some seconds and by the caller
        ├── StoreBusy           another process holds an embedded store; the message names it
        └── StoreRefused        the store answered, and the answer is no: credentials, a damaged file, a bad request
            ├── StoreMismatch   what is stored doesn't fit what is asked: dimension, metric, a newer schema
            ├── FilterRefused   the ``where`` expression of a search is none
            └── TokenRefused    the token of a page is none

Adapters turn the exceptions of their libraries into these at their edge. What they don't expect stays what it is: a
bug shows its own traceback.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from mmpipe.errors import MmpipeError


class StoreError(MmpipeError):
    """A store can't be used; the message names the store, what was found, what was expected and the remedy."""

    exit_code = 3

    def __init__(self, store: str, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{store}: found {found}; expected {expected}; {remedy}")


class StoreUnreachable(StoreError):  # noqa: N818  # says what is the case, like the built-in KeyboardInterrupt
    """The store did not answer, or answered "not now"."""


class StoreBusy(StoreError):  # noqa: N818  # as above
    """Another process holds the embedded store."""


class StoreRefused(StoreError):  # noqa: N818  # as above
    """The store answered, and another try would get the same answer."""


class StoreMismatch(StoreRefused):
    """What is stored does not fit what this process wants to do with it."""


class FilterRefused(StoreRefused):
    """The filter expression of a search is not one that Milvus takes."""


class TokenRefused(StoreRefused):
    """The token of a page is not one that was given out."""


class SampleBusy(StoreUnreachable):  # as above
    """Another process is writing the sample."""


def public_uri(uri: str) -> str:
    """The URI as it may stand in a message: without password, token and query, which can hold keys."""
    pieces = urlsplit(uri)
    if not pieces.netloc:
        return uri.partition("?")[0]
    host = pieces.netloc.rpartition("@")[2]
    user = pieces.username
    return urlunsplit((pieces.scheme, f"{user}@{host}" if user else host, pieces.path, "", ""))
