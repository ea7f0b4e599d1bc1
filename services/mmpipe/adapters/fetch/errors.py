"""What can go wrong with media by reference.

::

    MmpipeError
    └── FetchError              the bytes are not there
        ├── FetchRefused        and another try would end the same way: a verdict on the part
        │   ├── ContentDiffers  what came is not what the reference says: digest or size
        │   └── NotMedia        what came is in no format that mmpipe reads
        └── FetchFailed         another try may get them: no answer, a slow answer, "not now"

A message never holds what a URI may hide (user, password, query), what a server says in an error, or an address inside
of the network: whoever sent the sample may read it. The object store being down is no FetchError but a StoreError, as
everywhere: it is no verdict on a sample.
"""

from __future__ import annotations

import re
from typing import ClassVar

from mmpipe.adapters.inputs.uris import readable
from mmpipe.errors import MmpipeError
from mmpipe.records import Rejected

GATE = "source.references"
_LONGEST_SHOWN = 200


class FetchError(MmpipeError):
    """Media that cannot be had; ``reason`` is its name in the catalogue of ``mmpipe.v1.error_pb2.Reason``."""

    reason: ClassVar[str]

    def __init__(self, uri: str, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{shown(uri)}: found {found}; expected {expected}; {remedy}")


class FetchRefused(FetchError):  # noqa: N818  # says what is the case, like StoreRefused
    """Permanent. ``gate`` is the dotted name of the setting that refused it."""

    reason = "REASON_REFERENCE_REFUSED"

    def __init__(self, uri: str, found: str, expected: str, remedy: str, *, gate: str = GATE) -> None:
        super().__init__(uri, found, expected, remedy)
        self.gate = gate

    def verdict(self) -> Rejected:
        """The same as an outcome, for the part that it is about."""
        return Rejected(self.gate, str(self))


class ContentDiffers(FetchRefused):
    """The bytes are not those that the SHA-256 or the size names."""

    reason = "REASON_DIGEST_MISMATCH"


class NotMedia(FetchRefused):
    """The bytes are in no format of the catalogue, or not of the modality that was asked for."""

    def __init__(self, uri: str, verdict: Rejected) -> None:
        remedy = "refer to a medium in one of the formats of docs/inputs.md"
        super().__init__(uri, f"this: {verdict.reason}", "a medium", remedy, gate=verdict.gate)


class FetchFailed(FetchError):  # noqa: N818  # as above
    """Maybe transient. ``retry_after_s`` is what the server asked for, where it did."""

    reason = "REASON_DEPENDENCY_DOWN"

    def __init__(self, uri: str, found: str, expected: str, remedy: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(uri, found, expected, remedy)
        self.retry_after_s = retry_after_s


def shown(uri: str) -> str:
    """The URI as it may stand in a message: no user, password, query or fragment, nothing unprintable, not long.

    What has no host to show (``data:…``) may be all payload, so only its scheme is shown.
    """
    scheme, parted, rest = re.split("[?#]", uri, maxsplit=1)[0].partition("://")
    if not parted:
        scheme, parted, _ = uri.partition(":")
        return readable(uri[:_LONGEST_SHOWN] if scheme == "object" else f"{scheme[:20]}{parted}…")
    authority, slash, path = rest.partition("/")
    return readable(f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"[:_LONGEST_SHOWN])
