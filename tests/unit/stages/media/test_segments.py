from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Segment
from mmpipe.stages.media.segments import cut


@pytest.mark.parametrize("total_s", [0.0, 0.5, 30.0, 30.9])
def test_what_fits_into_one_segment_is_whole(total_s: float) -> None:
    assert cut(total_s, 30) == (None,)


@pytest.mark.parametrize("total_s", [31.0, 30.9999])
def test_a_rest_of_a_second_is_a_segment(total_s: float) -> None:
    assert cut(total_s, 30) == (Segment(0, 30), Segment(30, total_s))


@given(total_s=st.floats(2, 20_000), length_s=st.floats(1, 600))
def test_segments_tile_the_whole(total_s: float, length_s: float) -> None:
    segments = cut(total_s, length_s)
    if segments == (None,):
        assert total_s < length_s + 1
        return
    parts = [segment for segment in segments if segment is not None]
    assert (parts[0].start_s, parts[-1].end_s) == (0, total_s)
    assert all(before.end_s == after.start_s for before, after in pairwise(parts))
    assert all(part.end_s - part.start_s < length_s + 1.01 for part in parts)
