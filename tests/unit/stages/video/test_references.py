from __future__ import annotations

import pytest

from mmpipe.stages.video.references import REFERENCE, Rank, dispensable, ranking

AVCC = bytes([1, 0x64, 0, 0x0A, 0xFF])  # four bytes of length
HVCC = bytes([1, *bytes(20), 0xFF])


def sized(*units: bytes) -> memoryview:
    return memoryview(b"".join(len(unit).to_bytes(4) + unit for unit in units))


def started(*units: bytes) -> memoryview:
    return memoryview(b"".join(b"\x00\x00\x01" + unit for unit in units))


@pytest.mark.parametrize(
    ("header", "reference"),
    [(0x65, True), (0x61, True), (0x41, True), (0x21, True), (0x01, False), (0x02, False), (0x62, True)],
)
def test_an_h264_slice_is_a_reference_by_its_nal_ref_idc(header: int, *, reference: bool) -> None:
    slice_unit = bytes([header, 0x9A, 0, 0])
    message = bytes([0x06, 0x05, 1])  # a message (SEI) says nothing of the picture
    assert ranking("h264", AVCC)(sized(message, slice_unit)) == Rank(reference)
    assert ranking("h264", None)(started(message, slice_unit)) == Rank(reference)


def test_an_h264_packet_is_a_reference_if_one_of_its_fields_is() -> None:
    first, second = bytes([0x41, 0x9A]), bytes([0x01, 0x9A])
    assert ranking("h264", AVCC)(sized(first, second)).reference
    assert ranking("h264", AVCC)(sized(second, first)).reference


@pytest.mark.parametrize(
    ("kind", "temporal_id", "expected"),
    [
        (0, 0, Rank(reference=False, layer=0)),  # TRAIL_N
        (1, 0, Rank(reference=True, layer=0)),  # TRAIL_R
        (8, 2, Rank(reference=False, layer=2)),  # RASL_N
        (9, 1, Rank(reference=True, layer=1)),  # RASL_R
        (19, 0, Rank(reference=True, layer=0)),  # IDR_W_RADL
    ],
)
def test_an_hevc_slice_is_ranked_by_its_type_and_sub_layer(kind: int, temporal_id: int, expected: Rank) -> None:
    unit = bytes([kind << 1, temporal_id + 1, 0xD0])
    parameters = bytes([32 << 1, 1, 0])
    assert ranking("hevc", HVCC)(sized(parameters, unit)) == expected
    assert ranking("hevc", None)(started(parameters, unit)) == expected


@pytest.mark.parametrize(("coding_type", "reference"), [(0, True), (1, True), (2, False), (3, True)])
def test_an_mpeg4_b_vop_is_no_reference(coding_type: int, *, reference: bool) -> None:
    assert ranking("mpeg4", None)(memoryview(b"\x00\x00\x01\xb6" + bytes([coding_type << 6]))) == Rank(reference)


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4", "vp9"])
@pytest.mark.parametrize(
    "packet", [b"", b"\x00", b"\xff" * 9, b"\x00\x00\x00\x01", b"\x00\x00\x01", b"\x00\x00\x01\xb6"]
)
def test_a_packet_that_makes_no_sense_is_kept(codec: str, packet: bytes) -> None:
    assert ranking(codec, AVCC)(memoryview(packet)) == REFERENCE
    assert ranking(codec, None)(memoryview(packet)) == REFERENCE


def test_a_non_reference_picture_below_the_highest_sub_layer_may_be_needed_by_it() -> None:
    low, high = Rank(reference=False, layer=1), Rank(reference=False, layer=2)
    assert dispensable([REFERENCE, low, high]) == [False, False, True]
    assert dispensable([REFERENCE, low]) == [False, True]
    assert dispensable([]) == []
