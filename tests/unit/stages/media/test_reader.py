from __future__ import annotations

import io
from mmap import ACCESS_READ, mmap
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.stages.media.reader import Reader

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 60), st.just(0)),
        st.tuples(st.just("seek"), st.integers(0, 60), st.just(io.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(-40, 0), st.just(io.SEEK_END)),
        st.tuples(st.just("seek"), st.integers(0, 9), st.just(io.SEEK_CUR)),
    ),
    max_size=12,
)


@given(content=st.binary(min_size=40, max_size=50), steps=STEPS)
def test_a_reader_reads_as_bytesio_does(content: bytes, steps: list[tuple[str, int, int]]) -> None:
    with Reader(content) as ours, io.BytesIO(content) as theirs:
        for name, size, whence in steps:
            if name == "read":
                assert ours.read(size) == theirs.read(size)
            else:
                assert ours.seek(size, whence) == theirs.seek(size, whence)
            assert ours.tell() == theirs.tell()


def test_two_readers_of_one_mmap_have_their_own_positions_and_let_it_be_closed(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        with Reader(content) as one, Reader(content) as two:
            assert (one.read(4), two.read(2), one.read(4)) == (b"0123", b"01", b"4567")
        assert content.tell() == 0


def test_a_buffer_is_filled_as_far_as_there_are_bytes() -> None:
    buffer = bytearray(b"....")
    with Reader(b"abc") as reader:
        assert reader.readinto(buffer) == 3
    assert buffer == b"abc."
