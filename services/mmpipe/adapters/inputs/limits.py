"""How much an input may ask of this machine: the caps of ``spec.source.files``, as this package needs them.

Media and archives are hostile until decoded. These caps act before anything is decoded; the caps of each decoder
(pixels, seconds, frames) come on top and belong to the stages.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmpipe.records import Rejected

MIB = 1024 * 1024

RATIO_GRACE_BYTES = MIB
"""Unpacked bytes that no ratio is asked of: a blank picture or a silent second packs 1,000 to 1 and harms nobody."""


@dataclass(frozen=True, slots=True)
class InputLimits:
    """``max_bytes`` and ``max_decompression_ratio`` are ``spec.source.files``; ``max_members`` bounds an index."""

    max_bytes: int = 16 * 1024 * MIB
    """Largest file or archive member, and most that standard input may spool, in bytes."""
    max_decompression_ratio: float = 200.0
    """Most unpacked bytes per packed byte, of a member and of a whole archive."""
    max_members: int = 10_000_000
    """Most members of one archive; a sorted index of them costs about 300 bytes each."""

    def allows_ratio(self, unpacked_bytes: int, packed_bytes: int) -> bool:
        """Whether so many bytes may come out of so many."""
        return unpacked_bytes <= self.max_decompression_ratio * packed_bytes + RATIO_GRACE_BYTES


def too_large(name: str, size_bytes: int, max_bytes: int) -> Rejected:
    """The verdict on a file or member above ``max_bytes``."""
    return Rejected(
        gate="source.files.maxBytes",
        reason=f"{name} has {size_bytes} bytes; expected at most {max_bytes}; raise source.files.maxBytes.",
        score=size_bytes,
        threshold=max_bytes,
    )


def too_dense(name: str, unpacked_bytes: int, packed_bytes: int, max_ratio: float) -> Rejected:
    """The verdict on a member, or an archive, that unpacks to suspiciously much."""
    return Rejected(
        gate="source.files.maxDecompressionRatio",
        reason=f"{name} unpacks {packed_bytes} bytes to {unpacked_bytes}; expected at most {max_ratio:g} per byte; "
        "raise source.files.maxDecompressionRatio if you trust it.",
        score=unpacked_bytes / max(packed_bytes, 1),
        threshold=max_ratio,
    )
