"""MP3 and ADTS AAC: sound without a container, so without a magic number to trust.

A frame begins with eleven or twelve set bits, which chance also sets once in 2,000 bytes; therefore a frame counts
only with a legal header and another frame right behind it, or the end of the file. Bit positions and tables are those
of ISO/IEC 11172-3 (MPEG-1), 13818-3 (MPEG-2) and 13818-7 (ADTS).
"""

from __future__ import annotations

from collections.abc import Callable

from mmpipe.records import Modality
from mmpipe.stages.formats.catalogue import Content, Finding

type _FrameBytes = Callable[[int], int]

_ID3_HEADER_BYTES = 10
_HEADER_BYTES = 7
"""As much as the longer of the two headers has before its optional checksum."""

# Both headers are read as one number of 56 bits; the sync word comes first, then version, layer and protection.
_LAYER_III_MASK, _LAYER_III = 0xFFE6 << 40, 0xFFE2 << 40
_ADTS_MASK, _ADTS = 0xFFF6 << 40, 0xFFF0 << 40

_MPEG1 = 3
_SAMPLE_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By version bits (3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5) and index."""
_BIT_RATES_KBPS = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
)
"""Layer III, by whether it is MPEG-1, and index; 0 where the frame's length isn't said."""
_ADTS_SAMPLE_RATES = 13
"""Sample rate indices from here on are reserved."""


def mpeg_audio(content: Content) -> Finding | None:
    """What follows an ID3v2 tag, if there is one: ADTS, FLAC, else MP3; without a tag, two frames in a row decide."""
    start = _behind_id3(content)
    if _frames_follow(content, start, _adts_frame_bytes):
        return Finding("aac", (Modality.AUDIO,))
    if content[start : start + 4] == b"fLaC":
        return Finding("flac", (Modality.AUDIO,))
    if start or _frames_follow(content, start, _layer_iii_frame_bytes):
        return Finding("mp3", (Modality.AUDIO,))
    return None


def _behind_id3(content: Content) -> int:
    """Bytes of the ID3v2 tag at the head (its size is four times seven bits: id3.org), 0 without one."""
    if content[:3] != b"ID3":
        return 0
    size = 0
    for byte in content[6:_ID3_HEADER_BYTES]:
        size = size << 7 | byte & 0x7F
    return _ID3_HEADER_BYTES + size


def _frames_follow(content: Content, start: int, frame_bytes: _FrameBytes) -> bool:
    size = frame_bytes(_header(content, start))
    return size > 0 and (start + size == len(content) or frame_bytes(_header(content, start + size)) > 0)


def _header(content: Content, start: int) -> int:
    """The 56 bits at ``start``; zeros where the file ends before them."""
    return int.from_bytes(content[start : start + _HEADER_BYTES].ljust(_HEADER_BYTES, b"\0"))


def _layer_iii_frame_bytes(header: int) -> int:
    """Bytes of the MP3 frame with this header; 0 if it is none, or in free format."""
    version, rate = header >> 43 & 3, header >> 34 & 3
    rates_hz = _SAMPLE_RATES_HZ.get(version, ())
    if header & _LAYER_III_MASK != _LAYER_III or rate >= len(rates_hz):
        return 0
    kbps = _BIT_RATES_KBPS[version == _MPEG1][header >> 36 & 0xF]
    samples = 1152 if version == _MPEG1 else 576
    padding = header >> 33 & 1
    return samples // 8 * kbps * 1000 // rates_hz[rate] + padding if kbps else 0


def _adts_frame_bytes(header: int) -> int:
    """Bytes of the ADTS frame with this header; 0 if it is none."""
    size = header >> 13 & 0x1FFF
    legal = header & _ADTS_MASK == _ADTS and (header >> 34 & 0xF) < _ADTS_SAMPLE_RATES and size > _HEADER_BYTES
    return size if legal else 0
