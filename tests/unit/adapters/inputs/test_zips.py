from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from mmpipe.adapters.inputs import DamagedInputError, InputLimits, InputRefusedError, limits
from mmpipe.records import Sample

type Write = Callable[..., Path]
type Read = Callable[..., list[Sample]]
type OpenPipe = Callable[[bytes], BinaryIO]


def test_a_zip_gives_its_samples_sorted_by_key(zipped: Write, read: Read, jpeg: bytes) -> None:
    path = zipped({"x/b.txt": b"b", "x/a.jpg": jpeg, "x/a.txt": b"a"})
    first, second = read(path)
    assert (first.id, len(first.parts), second.id) == ("x/a", 2, "x/b")
    assert first.parts[0].uri == f"zip://{path}!/x/a.txt"


def test_a_zip_named_jpg_is_read_as_a_zip_and_the_mismatch_is_logged(
    zipped: Write, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(zipped({"a.txt": b"a"}, "photos.jpg"))[0].id == "a"
    assert "photos.jpg is a zip file by its content" in caplog.text


def test_an_empty_zip_gives_no_samples(zipped: Write, read: Read) -> None:
    assert read(zipped({})) == []


def test_a_member_with_a_wrong_checksum_is_unreadable_and_the_rest_flows(zipped: Write, read: Read) -> None:
    path = zipped({"a.txt": b"first words", "b.txt": b"b"})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        crc = struct.pack("<I", archive.getinfo("a.txt").CRC)
    path.write_bytes(content.replace(crc, b"\1\2\3\4"))
    damaged, sound = read(path)
    assert "Bad CRC-32" in damaged.unreadable[f"zip://{path}!/a.txt"].reason
    assert sound.parts[0].media.content == b"b"


def test_an_encrypted_member_is_unreadable_and_the_rest_flows(zipped: Write, read: Read) -> None:
    path = zipped({"a.txt": b"a", "b.txt": b"b"})
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\1\2")
    content[directory + 8] |= 1
    path.write_bytes(content)
    locked, sound = read(path)
    assert "a.txt is encrypted" in locked.unreadable[f"zip://{path}!/a.txt"].reason
    assert sound.parts[0].media.content == b"b"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_by_another_method_is_unreadable(tmp_path: Path, read: Read, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.txt", b"a")
    [verdict] = read(tmp_path / "a.zip")[0].unreadable.values()
    assert f"is packed by method {method}" in verdict.reason


def test_a_member_whose_path_leads_out_is_unreadable(zipped: Write, read: Read) -> None:
    verdicts = [sample.unreadable for sample in read(zipped({"../a.txt": b"a", "/b.txt": b"b"}))]
    assert all("leads out of the archive" in str(verdict) for verdict in verdicts)


def test_a_link_in_a_zip_is_unreadable(tmp_path: Path, read: Read) -> None:
    info = zipfile.ZipInfo("a.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "is a link" in str(read(tmp_path / "a.zip")[0].unreadable)


def test_a_bomb_is_unreadable_before_it_is_unpacked_and_the_rest_flows(zipped: Write, read: Read) -> None:
    noise = os.urandom(100_000).hex().encode()  # the archive as a whole is as dense as it may be
    bomb, sound, _ = read(zipped({"a.txt": b"x" * 8 * limits.MIB, "b.txt": b"b", "noise.txt": noise}))
    [verdict] = bomb.unreadable.values()
    assert verdict.gate == "source.files.maxDecompressionRatio"
    assert verdict.score is not None
    assert verdict.score > 200
    assert sound.parts[0].media.content == b"b"


def test_a_dense_member_too_small_to_harm_is_let_in(zipped: Write, read: Read) -> None:
    assert read(zipped({"a.txt": b"x" * 500_000}))[0].unreadable == {}


def test_members_that_are_a_bomb_only_together_stop_at_the_archives_own_ratio(zipped: Write, read: Read) -> None:
    samples = read(zipped({f"{number}.txt": b"x" * 900_000 for number in range(9)}))
    gates = [verdict.gate for sample in samples for verdict in sample.unreadable.values()]
    assert 0 < len(gates) < 9
    assert set(gates) == {"source.files.maxDecompressionRatio"}


def test_a_member_that_holds_more_than_its_header_says_is_cut_and_unreadable(zipped: Write, read: Read) -> None:
    path = zipped({"a.txt": b"x" * 5000})
    size = struct.pack("<I", 5000)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 10)))
    assert "Bad CRC-32" in str(read(path)[0].unreadable)


def test_a_member_above_max_bytes_is_unreadable(zipped: Write, read: Read) -> None:
    [verdict] = read(zipped({"a.txt": b"x" * 11}), InputLimits(max_bytes=10))[0].unreadable.values()
    assert verdict.gate == "source.files.maxBytes"


def test_a_zip_without_its_directory_is_an_error_with_the_remedy(zipped: Write, read: Read) -> None:
    path = zipped({"a.txt": b"a"})
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(
        DamagedInputError, match=r"photos\.zip: its directory cannot be read .*; expected a complete zip; "
    ):
        read(path)


def test_a_zip_of_too_many_members_is_an_error(zipped: Write, read: Read) -> None:
    with pytest.raises(InputRefusedError, match="has 3 members; expected at most 2; split it"):
        read(zipped({f"{number}.txt": b"x" for number in range(3)}), InputLimits(max_members=2))


def test_one_damaged_zip_among_several_inputs_is_an_outcome_and_the_others_flow(
    zipped: Write, read: Read, tmp_path: Path
) -> None:
    zipped({"a.txt": b"a"}, "0.zip").write_bytes(b"PK\x03\x04 and no more")
    zipped({"b.txt": b"b"}, "1.zip")
    damaged, sound = read(f"{tmp_path}/*.zip")
    assert damaged.unreadable[f"file://{tmp_path}/0.zip"].gate == "input.damaged"
    assert sound.id == "b"


def test_a_zip_on_standard_input_is_spooled_and_read(zipped: Write, read: Read, pipe: OpenPipe, jpeg: bytes) -> None:
    [sample] = read("-", stdin=pipe(zipped({"a.jpg": jpeg}).read_bytes()))
    assert sample.parts[0].uri == "stdin:!/a.jpg"
    assert sample.parts[0].media.content == jpeg


def test_a_zip_written_to_a_pipe_with_its_sizes_behind_the_data_is_read(tmp_path: Path, read: Read) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

    file = Unseekable()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"a")
    (tmp_path / "a.zip").write_bytes(file.getvalue())
    assert read(tmp_path / "a.zip")[0].parts[0].media.content == b"a"
