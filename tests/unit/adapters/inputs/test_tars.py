from __future__ import annotations

import io
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest

from mmpipe.adapters.inputs import InputLimits, SpoolError, content, limits
from mmpipe.records import Modality, Sample

type Write = Callable[..., Path]
type Read = Callable[..., list[Sample]]
type OpenPipe = Callable[[bytes], BinaryIO]


def test_the_key_of_a_shard_is_the_id_of_its_sample(tar: Write, read: Read, jpeg: bytes) -> None:
    path = tar({"000/a.jpg": jpeg, "000/a.txt": b"a", "000/a.json": b'{"n": 1}', "000/b.txt": b"b"})
    first, second = read(path)
    assert (first.id, second.id) == ("000/a", "000/b")
    assert first.attributes == {"n": 1}
    assert first.parts[1].uri == f"tar://{path}!/000/a.jpg"


def test_an_id_prefix_goes_before_the_key(tar: Write, read: Read) -> None:
    assert read(tar({"a.txt": b"a"}), id_prefix="mine")[0].id == "mine/a"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_files_of_a_stem_come_together_however_the_archive_is_ordered(
    tar: Write, read: Read, jpeg: bytes, mode: str
) -> None:
    samples = read(tar({"a.jpg": jpeg, "b.txt": b"b", "a.txt": b"a"}, mode=mode))
    assert {sample.id: len(sample.parts) for sample in samples} == {"a": 2, "b": 1}


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")])
def test_a_compressed_tar_gives_the_same_samples(tar: Write, read: Read, jpeg: bytes, name: str, mode: str) -> None:
    [sample] = read(tar({"a.jpg": jpeg, "a.txt": b"a"}, name, mode))
    assert [part.media.content for part in sample.parts] == [b"a", jpeg]


def test_a_zstd_tar_gives_the_same_samples(tar: Write, read: Read, jpeg: bytes, tmp_path: Path) -> None:
    plain = tar({"a.jpg": jpeg}).read_bytes()
    with pa.CompressedOutputStream(str(tmp_path / "a.tar.zst"), "zstd") as file:
        file.write(plain)
    assert read(tmp_path / "a.tar.zst")[0].parts[0].media.content == jpeg


def test_several_xz_streams_in_a_row_are_one_tar(tar: Write, read: Read, tmp_path: Path) -> None:
    plain = tar({"a.txt": b"a", "b.txt": b"b"}).read_bytes()
    (tmp_path / "two.tar.xz").write_bytes(lzma.compress(plain[:700]) + lzma.compress(plain[700:]))
    assert [sample.id for sample in read(tmp_path / "two.tar.xz")] == ["a", "b"]


def test_a_tar_named_jpg_is_read_as_a_tar_and_the_mismatch_is_logged(
    tar: Write, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(tar({"a.txt": b"a"}, "shard.jpg"))[0].id == "a"
    assert "shard.jpg is a tar file by its content" in caplog.text


def test_a_tar_of_the_oldest_kind_is_known_by_its_checksum(tar: Write, read: Read) -> None:
    path = tar({"a.txt": b"a"})
    header = bytearray(path.read_bytes())
    header[257:265] = bytes(8)  # no magic, as in version 7
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32)
    path.with_suffix("").write_bytes(header)
    assert read(path.with_suffix(""))[0].id == "a"


def test_an_empty_tar_gives_no_samples(tar: Write, read: Read) -> None:
    assert read(tar({})) == []


def test_litter_meta_members_and_a_leading_dot_step_are_not_part_of_keys(tar: Write, read: Read) -> None:
    path = tar({"./a.txt": b"a", "__MACOSX/._a.txt": b"x", "./.DS_Store": b"x", "__meta__/info.txt": b"x"})
    assert [sample.id for sample in read(path)] == ["a"]


@pytest.mark.parametrize("name", ["/etc/a.txt", "../a.txt", "x/../../a.txt", "C:\\a.txt", "x\\..\\a.txt"])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_member_whose_path_leads_out_is_unreadable(tar: Write, read: Read, name: str, mode: str) -> None:
    samples = read(tar({name: b"a", "b.txt": b"b"}, mode=mode))
    [verdict] = [verdict for sample in samples for verdict in sample.unreadable.values()]
    assert (verdict.gate, "leads out of the archive" in verdict.reason) == ("input.member", True)
    assert [part.media.content for sample in samples for part in sample.parts] == [b"b"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "is a link to /etc/passwd"),
        (tarfile.LNKTYPE, "is a link to /etc/passwd"),
        (tarfile.CHRTYPE, "is a device or a FIFO"),
        (tarfile.FIFOTYPE, "is a device or a FIFO"),
        (tarfile.GNUTYPE_SPARSE, "is a sparse file"),
    ],
)
def test_a_member_that_is_no_regular_file_is_unreadable(tmp_path: Path, read: Read, kind: bytes, what: str) -> None:
    info = tarfile.TarInfo("a.txt")
    info.type, info.linkname = kind, "/etc/passwd"
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    [sample] = read(tmp_path / "a.tar")
    [verdict] = sample.unreadable.values()
    assert (verdict.gate, what in verdict.reason) == ("input.member", True)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_inside_an_archive_is_not_opened(tar: Write, read: Read, mode: str) -> None:
    inner = tar({"a.txt": b"a"}, "inner.tar").read_bytes()
    [verdict] = read(tar({"inner.tar": inner}, mode=mode))[0].unreadable.values()
    assert verdict.gate == "input.nested"


def test_a_tar_cut_within_a_member_keeps_what_came_before(tar: Write, read: Read) -> None:
    path = tar({"a.txt": b"a", "b.txt": b"b" * 5000})
    path.write_bytes(path.read_bytes()[:3000])
    samples = read(path)
    assert [sample.id for sample in samples] == ["a", "b", "shard.tar"]
    assert samples[0].parts[0].media.content == b"a"
    assert "b.txt ends after 1464 bytes; expected 5000" in str(samples[1].unreadable)
    assert "breaks off (unexpected end of data)" in str(samples[2].unreadable)


def test_a_stream_cut_within_a_member_keeps_what_came_before(tar: Write, read: Read, pipe: OpenPipe) -> None:
    content = tar({"a.txt": b"a", "b.txt": b"b" * 5000}).read_bytes()[:3000]
    samples = read("-", stdin=pipe(content))
    assert [sample.id for sample in samples] == ["a", "b", "stdin"]
    assert samples[0].parts[0].media.content == b"a"
    assert [verdict.gate for sample in samples[1:] for verdict in sample.unreadable.values()] == ["input.damaged"] * 2


def test_a_tar_with_a_broken_header_in_the_middle_does_not_pass_for_complete(tar: Write, read: Read) -> None:
    path = tar({"a.txt": b"a", "b.txt": b"b"})
    content = bytearray(path.read_bytes())
    content[1024:1100] = b"\xff" * 76
    path.write_bytes(content)
    first, archive = read(path)
    assert first.id == "a"
    assert archive.unreadable[f"file://{path}"].gate == "input.damaged"


def test_a_compressed_tar_that_breaks_off_keeps_what_came_before(tar: Write, read: Read) -> None:
    noise = os.urandom(300_000)
    path = tar({"a.txt": b"a", "b.txt": noise.hex().encode()}, "shard.tar.gz", "w:gz")
    path.write_bytes(path.read_bytes()[:200_000])
    samples = read(path)
    assert samples[0].parts[0].media.content == b"a"
    assert "its compression breaks off" in str(samples[-1].unreadable[f"file://{path}"].reason)


def test_a_tar_gz_bomb_ends_before_it_is_unpacked(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATIO_GRACE_BYTES", 1024)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        for name, size in (("a.txt", 1), ("b.txt", 64 * limits.MIB)):
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(b"x" * size))
    gates = [verdict.gate for sample in read(tmp_path / "bomb.tar.gz") for verdict in sample.unreadable.values()]
    assert "source.files.maxDecompressionRatio" in gates


def test_a_header_that_asks_for_more_memory_than_a_name_needs_is_refused(tmp_path: Path, read: Read) -> None:
    good = tarfile.TarInfo("a.txt").tobuf()
    huge = tarfile.TarInfo("././@LongLink")
    huge.type, huge.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    (tmp_path / "a.tar").write_bytes(good + huge.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "a header of 1099511627776 bytes" in str(read(tmp_path / "a.tar")[-1].unreadable)


def test_an_archive_of_more_members_than_allowed_ends_there(tar: Write, read: Read) -> None:
    path = tar({f"{number}.txt": b"x" for number in range(5)})
    samples = read(path, InputLimits(max_members=3))
    assert [sample.id for sample in samples] == ["0", "1", "2", "shard.tar"]
    assert "more than 3 members" in str(samples[-1].unreadable)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_member_above_max_bytes_is_unreadable_and_the_rest_flows(tar: Write, read: Read, mode: str) -> None:
    samples = read(tar({"a.txt": b"x" * 11, "b.txt": b"b"}, mode=mode), InputLimits(max_bytes=10))
    assert [verdict.gate for verdict in samples[0].unreadable.values()] == ["source.files.maxBytes"]
    assert samples[1].parts[0].media.content == b"b"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_large_member_is_spooled_and_mapped(
    tar: Write, read: Read, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(content, "SPOOL_FROM_BYTES", 10)
    media = read(tar({"a.txt": b"longer than ten"}, mode=mode))[0].parts[0].media.content
    assert isinstance(media, mmap)
    assert media[:] == b"longer than ten"


def test_a_full_temporary_folder_is_an_error_with_the_remedy(
    tar: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "SPOOL_FROM_BYTES", 10)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "w"))
    with pytest.raises(SpoolError, match=r"No space left on device\); expected room .* TMPDIR"):
        read(tar({"a.txt": b"longer than ten"}))


def test_a_key_that_comes_back_in_another_shard_does_not_replace_the_first(
    tar: Write, read: Read, tmp_path: Path
) -> None:
    tar({"a.txt": b"1"}, "s-0.tar")
    tar({"a.txt": b"2"}, "s-1.tar")
    first, second = read(f"{tmp_path}/s-{{0..1}}.tar")
    assert (first.id, second.id, second.parts) == ("a", "a~2", ())
    assert [verdict.gate for verdict in second.unreadable.values()] == ["input.id"]


def test_media_modalities_come_out_of_a_shard_in_the_order_of_the_spec(
    tar: Write, read: Read, jpeg: bytes, wav: bytes
) -> None:
    [sample] = read(tar({"a.wav": wav, "a.jpg": jpeg, "a.txt": b"a"}))
    assert [part.modality for part in sample.parts] == [Modality.TEXT, Modality.IMAGE, Modality.AUDIO]
