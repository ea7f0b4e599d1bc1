"""Which packets no other picture is predicted from: they may be left out, and all others decode to the same bits.

Read from the first bytes of the slices, so at the price of a few bytes per packet: ``nal_ref_idc`` of H.264 (ITU-T
H.264, 7.4.1), the sub-layer non-reference picture types and the temporal sub-layer of HEVC (ITU-T H.265, 7.4.2.2 and
3.140), the B-VOP of MPEG-4 part 2 (ISO/IEC 14496-2, 6.2.5). Of other codecs every packet counts as a reference, which
is always right and only slower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_START_CODE = re.compile(rb"\x00\x00\x01")
_VOP_START_CODE = re.compile(rb"\x00\x00\x01\xb6")
_B_VOP = 2


@dataclass(frozen=True, slots=True)
class Rank:
    """What else hangs on a packet.

    ``reference``: pictures of the same sub-layer are predicted from it. A non-reference packet may still serve pictures
    of a higher temporal ``layer`` (HEVC), so it is dispensable only where there is none.
    """

    reference: bool
    layer: int = 0


REFERENCE = Rank(reference=True)

type Ranking = Callable[[memoryview], Rank]


def dispensable(ranks: Sequence[Rank]) -> list[bool]:
    """Which packets of a stretch no other packet of it needs, by the ranks of all of them."""
    highest = max((rank.layer for rank in ranks), default=0)
    return [not rank.reference and rank.layer >= highest for rank in ranks]


def ranking(codec: str, extradata: bytes | None) -> Ranking:
    """How packets of ``codec`` (FFmpeg's name) are ranked; ``extradata`` says how they are framed."""
    if codec == "h264":
        return _of_nal_units(_h264, _length_size(extradata, at=4))
    if codec == "hevc":
        return _of_nal_units(_hevc, _length_size(extradata, at=21))
    if codec == "mpeg4":
        return _mpeg4
    return lambda _: REFERENCE


def _of_nal_units(rank: Callable[[bytes], Rank | None], length_size: int) -> Ranking:
    """A packet is as important as the most important of its slices; without a slice it is kept."""

    def ranked(packet: memoryview) -> Rank:
        headers = (bytes(packet[place : place + 2]) for place in _nal_units(packet, length_size))
        ranks = [found for header in headers if len(header) == 2 and (found := rank(header))]  # noqa: PLR2004
        return max(ranks, key=lambda found: (found.reference, found.layer), default=REFERENCE)

    return ranked


def _h264(header: bytes) -> Rank | None:
    """Rank of a NAL unit by its header ``forbidden(1) nal_ref_idc(2) nal_unit_type(5)``; None where it is no slice."""
    is_slice = 1 <= header[0] & 0x1F <= 5  # noqa: PLR2004 - Table 7-1: coded slices and their partitions
    return Rank(reference=bool(header[0] & 0x60)) if is_slice else None


def _hevc(header: bytes) -> Rank | None:
    """Rank by ``forbidden(1) nal_unit_type(6) nuh_layer_id(6) nuh_temporal_id_plus1(3)``; None where it is no slice."""
    kind, layer = header[0] >> 1 & 0x3F, (header[1] & 0x07) - 1
    if kind >= 32:  # noqa: PLR2004 - Table 7-1: from 32 on parameter sets and messages
        return None
    return Rank(reference=kind >= 16 or kind % 2 == 1, layer=layer)  # noqa: PLR2004 - even types below 16 end in _N


def _mpeg4(packet: memoryview) -> Rank:
    found = _VOP_START_CODE.search(packet)
    is_b = found is not None and found.end() < len(packet) and packet[found.end()] >> 6 == _B_VOP
    return Rank(reference=not is_b)


def _length_size(extradata: bytes | None, at: int) -> int:
    """Bytes of the length before each NAL unit (ISO/IEC 14496-15); 0 where start codes part them."""
    if not extradata or extradata[0] != 1 or len(extradata) <= at:
        return 0
    return (extradata[at] & 0x03) + 1


def _nal_units(packet: memoryview, length_size: int) -> Iterator[int]:
    """Where NAL units begin in the packet."""
    if not length_size:
        yield from (match.end() for match in _START_CODE.finditer(packet))
        return
    place = length_size
    while place < len(packet):
        yield place
        place += int.from_bytes(packet[place - length_size : place]) + length_size
