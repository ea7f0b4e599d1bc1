from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from typing import BinaryIO
from unittest.mock import Mock

import pytest

from mmpipe.adapters.inputs import (
    InputBombError,
    InputError,
    InputLimits,
    InputMissingError,
    InputRefusedError,
    content,
    limits,
    open_input,
    source_of,
)
from mmpipe.records import Sample

type Write = Callable[..., Path]
type Read = Callable[..., list[Sample]]
type OpenPipe = Callable[[bytes], BinaryIO]


def test_one_file_is_one_sample_named_like_in_its_folder(folder: Write, read: Read, jpeg: bytes) -> None:
    root = folder({"a.jpg": jpeg, "a.txt": b"not named, not read"})
    [sample] = read(root / "a.jpg")
    assert (sample.id, len(sample.parts)) == ("photos/a", 1)


def test_a_file_uri_opens_like_its_path(folder: Write, read: Read) -> None:
    root = folder({"a b.txt": b"x"})
    assert [sample.id for sample in read(f"file://{root}/a%20b.txt")] == ["photos/a b"]


def test_a_relative_path_and_a_trailing_slash_change_no_id(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"x/a.txt": b"x"})
    monkeypatch.chdir(root)
    assert [read(where)[0].id for where in (f"{root}/", "../photos", ".")] == ["photos/x/a"] * 3


def test_a_glob_takes_its_ids_from_its_fixed_part(folder: Write, read: Read, jpeg: bytes, wav: bytes) -> None:
    root = folder({"x/a.jpg": jpeg, "x/a.wav": wav, "x/y/b.jpg": jpeg, "x/c.txt": b"c"})
    assert [sample.id for sample in read(f"{root}/x/**/*.jpg")] == ["x/a", "x/y/b"]
    assert [sample.id for sample in read(f"{root}/*/?.jpg")] == ["photos/x/a"]


def test_a_glob_with_braces_keeps_files_of_a_stem_together(folder: Write, read: Read, jpeg: bytes, wav: bytes) -> None:
    [sample] = read(f"{folder({'a.jpg': jpeg, 'a.wav': wav, 'a.txt': b'a'})}/**/*.{{jpg,wav}}")
    assert len(sample.parts) == 2


def test_a_glob_opens_the_containers_among_its_matches(folder: Write, read: Read, tar: Write) -> None:
    root = folder({"a.txt": b"a", "m.jsonl": b'{"id": "m", "text": "x"}', "s.dat": tar({"t.txt": b"t"}).read_bytes()})
    assert [sample.id for sample in read(f"{root}/*")] == ["photos/a", "m", "t"]


def test_a_json_file_among_matches_stays_a_medium_whatever_its_fields(folder: Write, read: Read, jpeg: bytes) -> None:
    root = folder({"a.json": b'{"text": "x", "id": "y"}', "a.jpg": jpeg})
    assert read(f"{root}/*")[0].attributes == {"text": "x", "id": "y"}


def test_braces_name_files_that_all_have_to_be_there(tar: Write, read: Read, tmp_path: Path) -> None:
    tar({"a.txt": b"a"}, "s-08.tar")
    tar({"b.txt": b"b"}, "s-09.tar")
    assert [sample.id for sample in read(f"{tmp_path}/s-{{08..09}}.tar")] == ["a", "b"]
    with pytest.raises(InputMissingError, match=r"s-10\.tar: does not exist; .*; did you mean s-0"):
        read(f"{tmp_path}/s-{{08..10}}.tar")


def test_a_name_that_looks_like_a_pattern_and_exists_is_no_pattern(folder: Write, read: Read) -> None:
    root = folder({"a[1].txt": b"1", "a1.txt": b"2", "b{c}.txt": b"3"})
    assert read(root / "a[1].txt")[0].parts[0].media.content == b"1"
    assert read(root / "b{c}.txt")[0].parts[0].media.content == b"3"


def test_a_glob_passes_by_folders_that_cannot_match(folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"a.txt": b"a", "deep/b.txt": b"b"})
    scandir = Mock(wraps=os.scandir)
    monkeypatch.setattr(os, "scandir", scandir)
    read(f"{root}/*.txt")
    assert scandir.call_count == 1


def test_a_glob_that_matches_nothing_is_an_error(folder: Write, read: Read) -> None:
    root = folder({"a.txt": b"a"})
    with pytest.raises(InputMissingError, match=r"matches nothing below .*photos; expected at least one file"):
        read(f"{root}/*.jpg")


def test_a_glob_below_a_folder_that_does_not_exist_names_the_folder(tmp_path: Path, read: Read) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputMissingError, match=r"photo: does not exist; .*; did you mean photos\?"):
        read(f"{tmp_path}/photo/*.jpg")


def test_an_input_that_does_not_exist_is_an_error_with_the_nearest_name(folder: Write) -> None:
    root = folder({"a.txt": b"a"})
    with pytest.raises(InputMissingError, match=r"photo: does not exist; expected a folder, .*; did you mean photos\?"):
        open_input(str(root.parent / "photo"), InputLimits())


def test_an_input_in_a_folder_that_does_not_exist_says_so(tmp_path: Path, read: Read) -> None:
    with pytest.raises(InputMissingError, match=r"the folder .*/nowhere does not exist either"):
        read(tmp_path / "nowhere" / "a.txt")


def test_an_input_with_nothing_like_it_says_so(folder: Write, read: Read) -> None:
    with pytest.raises(InputMissingError, match=r"nothing in .*photos has a name like that"):
        read(folder({"a.txt": b"a"}) / "unlikely")


def test_a_link_to_nothing_is_an_error(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    with pytest.raises(InputMissingError, match=r"a: cannot be followed \(No such file or directory\)"):
        read(tmp_path / "a")


@pytest.mark.parametrize("where", ["s3://bucket/photos", "https://host/a.tar", "file://host/a"])
def test_a_remote_input_is_refused_with_what_to_do(read: Read, where: str) -> None:
    with pytest.raises(InputRefusedError, match=f"{where}: is not on this machine; .*; fetch it first"):
        read(where)


def test_a_fifo_is_refused_and_never_waited_for(tmp_path: Path, read: Read) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(InputRefusedError, match=r"is a FIFO; .* mmpipe run - < PATH"):
        read(tmp_path / "a")


def test_a_path_with_a_nul_byte_is_refused(read: Read) -> None:
    with pytest.raises(InputRefusedError, match=r"a\\x00b: holds a NUL byte"):
        read("a\0b")


def test_a_file_that_cannot_be_read_is_an_error(folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"a.txt": b"a"})

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputRefusedError, match=r"cannot be read \(Permission denied\)"):
        read(root / "a.txt")


def test_braces_that_stand_for_too_much_are_refused_before_memory_is(read: Read) -> None:
    with pytest.raises(InputRefusedError, match="stand for more than 100000 paths"):
        read("s-{0..99999}{0..99999}{0..999999999}.tar")


def test_a_compressed_medium_is_refused_with_what_to_do(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"words"))
    with pytest.raises(InputRefusedError, match=r"a\.txt\.gz: media compressed by gzip; expected a tar, .*; unpack it"):
        read(tmp_path / "a.txt.gz")


def test_a_compressed_input_that_is_a_bomb_from_its_first_bytes_is_an_error(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RATIO_GRACE_BYTES", 1024)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b" " * 10_000_000))
    with pytest.raises(InputBombError, match="expected at most 200 bytes per byte"):
        read(tmp_path / "a.jsonl.gz")


def test_a_compressed_input_cut_at_its_beginning_is_an_error(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}')[:12])
    with pytest.raises(InputError, match=r"a\.jsonl\.gz: its compression breaks off after 12 bytes"):
        read(tmp_path / "a.jsonl.gz")


def test_a_medium_on_standard_input_is_one_sample(read: Read, pipe: OpenPipe, jpeg: bytes) -> None:
    [sample] = read("-", stdin=pipe(jpeg))
    assert (sample.id, sample.parts[0].uri, sample.parts[0].media.content) == ("stdin", "stdin:", jpeg)


def test_prose_on_standard_input_that_begins_with_the_name_of_a_modality_is_text(read: Read, pipe: OpenPipe) -> None:
    [sample] = read("-", stdin=pipe(b"text, audio and more\nwere in the box\n"))
    assert (sample.id, sample.parts[0].media.format) == ("stdin", "txt")


def test_a_large_medium_on_standard_input_is_spooled_and_mapped(
    read: Read, pipe: OpenPipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "SPOOL_FROM_BYTES", 10)
    media = read("-", stdin=pipe(b"longer than ten"))[0].parts[0].media.content
    assert isinstance(media, mmap)
    assert media[:] == b"longer than ten"


@pytest.mark.parametrize("spool_from", [5, 100])
def test_a_medium_on_standard_input_above_max_bytes_is_unreadable(
    read: Read, pipe: OpenPipe, monkeypatch: pytest.MonkeyPatch, spool_from: int
) -> None:
    monkeypatch.setattr(content, "SPOOL_FROM_BYTES", spool_from)
    [verdict] = read("-", InputLimits(max_bytes=10), stdin=pipe(b"x" * 40))[0].unreadable.values()
    assert (verdict.gate, verdict.score) == ("source.files.maxBytes", 11)


def test_a_stream_that_has_to_be_spooled_above_max_bytes_is_refused(read: Read, pipe: OpenPipe, zipped: Write) -> None:
    content = zipped({"a.txt": b"a"}).read_bytes()
    with pytest.raises(InputRefusedError, match=r"a zip stream of more than 10 bytes; .* read it from a file"):
        read("-", InputLimits(max_bytes=10), stdin=pipe(content))


def test_a_tar_on_standard_input_is_read_as_a_stream(read: Read, pipe: OpenPipe, tar: Write, jpeg: bytes) -> None:
    path = tar({"x/a.jpg": jpeg, "x/a.txt": b"a", "b.txt": b"b"}, mode="w:gz")
    samples = read("-", stdin=pipe(path.read_bytes()))
    assert [(sample.id, len(sample.parts)) for sample in samples] == [("x/a", 2), ("b", 1)]
    assert samples[0].parts[0].uri == "stdin:!/x/a.txt"


def test_a_terminal_is_no_input(read: Read) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(InputRefusedError, match=r"standard input is a terminal; .* mmpipe run -"):
        read("-", stdin=Terminal())


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("-", "stdin:"),
        ("/data/photos/", "file:///data/photos"),
        ("/data/x/../a b", "file:///data/a%20b"),
        ("file:///data/a%20b", "file:///data/a%20b"),
        ("/data/**/*.{jpg,png}", "file:///data/**/*.{jpg,png}"),
    ],
)
def test_the_source_of_an_input_is_its_canonical_name(where: str, source: str) -> None:
    assert source_of(where) == source
