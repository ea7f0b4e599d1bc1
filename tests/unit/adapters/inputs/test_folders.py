from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from mmap import mmap
from pathlib import Path

import pytest

from mmpipe.adapters.inputs import InputLimits, InputRefusedError, content, open_input
from mmpipe.records import Modality, Sample

type Write = Callable[..., Path]
type Read = Callable[..., list[Sample]]


def test_files_that_share_a_stem_are_one_sample(folder: Write, read: Read, jpeg: bytes, wav: bytes) -> None:
    root = folder({"a.jpg": jpeg, "a.wav": wav, "a.txt": b"a red bell"})
    [sample] = read(root)
    assert sample.id == "photos/a"
    assert [part.modality for part in sample.parts] == [Modality.TEXT, Modality.IMAGE, Modality.AUDIO]


def test_the_stem_ends_at_the_first_dot(folder: Write, read: Read, jpeg: bytes, png: bytes) -> None:
    [sample] = read(folder({"a.jpg": jpeg, "a.depth.png": png}))
    assert [part.modality for part in sample.parts] == [Modality.IMAGE, Modality.DEPTH]


def test_a_name_that_sorts_between_two_files_of_a_stem_does_not_part_them(
    folder: Write, read: Read, jpeg: bytes, wav: bytes
) -> None:
    samples = read(folder({"a": b"no suffix", "a-b.jpg": jpeg, "a.wav": wav, "a b.txt": b"x"}))
    assert {sample.id: len(sample.parts) for sample in samples} == {"photos/a": 2, "photos/a b": 1, "photos/a-b": 1}


def test_the_same_stem_in_two_folders_is_two_samples(folder: Write, read: Read) -> None:
    samples = read(folder({"x/a.txt": b"1", "y/a.txt": b"2", "a.txt": b"3"}))
    assert [sample.id for sample in samples] == ["photos/a", "photos/x/a", "photos/y/a"]


def test_an_id_prefix_stands_in_place_of_the_folder_name(folder: Write, read: Read) -> None:
    root = folder({"a.txt": b"1"})
    assert [read(root, id_prefix=prefix)[0].id for prefix in ("mine", "")] == ["mine/a", "a"]


def test_hidden_and_system_files_are_left_out_and_counted_in_the_log(
    folder: Write, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    root = folder({".hidden.txt": b"x", "Thumbs.db": b"x", "__MACOSX/a.txt": b"x", ".git/a.txt": b"x", "a.txt": b"a"})
    with caplog.at_level(logging.INFO):
        assert [sample.id for sample in read(root)] == ["photos/a"]
    assert "4 hidden or system files left out" in caplog.text


def test_suffixes_are_case_insensitive_and_content_decides(folder: Write, read: Read, jpeg: bytes) -> None:
    [sample] = read(folder({"a.JPG": jpeg}))
    assert sample.parts[0].media.format == "jpeg"
    assert "mismatch" not in sample.parts[0].facts


def test_a_text_named_jpg_is_a_text_part_with_its_mismatch(folder: Write, read: Read) -> None:
    [sample] = read(folder({"a.jpg": b"only words"}))
    assert sample.parts[0].modality is Modality.TEXT
    assert "named .jpg" in str(sample.parts[0].facts["mismatch"])


def test_an_unknown_format_is_unreadable_and_the_rest_of_the_sample_stands(
    folder: Write, read: Read, jpeg: bytes
) -> None:
    [sample] = read(folder({"a.jpg": jpeg, "a.bin": bytes(range(40))}))
    assert [part.modality for part in sample.parts] == [Modality.IMAGE]
    assert [verdict.gate for verdict in sample.unreadable.values()] == ["input.format"]


def test_an_empty_file_is_unreadable(folder: Write, read: Read) -> None:
    root = folder({"a.jpg": b""})
    [sample] = read(root)
    assert sample.parts == ()
    assert "empty" in sample.unreadable[f"file://{root}/a.jpg"].reason


def test_a_second_part_of_a_modality_is_unreadable_and_the_first_by_name_holds(
    folder: Write, read: Read, jpeg: bytes, png: bytes
) -> None:
    [sample] = read(folder({"a.2.png": png, "a.1.jpg": jpeg}))
    assert [part.facts["name"] for part in sample.parts] == ["a.1.jpg"]
    [verdict] = sample.unreadable.values()
    assert verdict.gate == "input.stem"
    assert "a.2.png is a second image part under one stem, after a.1.jpg" in verdict.reason


def test_a_json_object_beside_media_holds_the_attributes(folder: Write, read: Read, jpeg: bytes) -> None:
    [sample] = read(folder({"a.jpg": jpeg, "a.json": b'{"year": 2020, "text": "kept", "x": NaN}'}))
    assert sample.attributes == {"year": 2020, "text": "kept", "x": None}
    assert [part.modality for part in sample.parts] == [Modality.IMAGE]


def test_a_json_object_alone_is_a_text_part(folder: Write, read: Read) -> None:
    [sample] = read(folder({"a.json": b'{"text": "hello"}'}))
    assert sample.attributes == {}
    assert [part.media.format for part in sample.parts] == ["json"]


def test_a_json_object_beside_an_unreadable_file_still_holds_the_attributes(folder: Write, read: Read) -> None:
    [sample] = read(folder({"a.jpg": b"", "a.json": b'{"year": 2020}'}))
    assert (sample.attributes, sample.parts) == ({"year": 2020}, ())


def test_a_json_list_beside_media_is_a_text_part(folder: Write, read: Read, jpeg: bytes) -> None:
    [sample] = read(folder({"a.jpg": jpeg, "a.json": b'[{"text": "x"}]'}))
    assert [part.modality for part in sample.parts] == [Modality.TEXT, Modality.IMAGE]


def test_a_second_json_object_is_unreadable(folder: Write, read: Read, jpeg: bytes) -> None:
    [sample] = read(folder({"a.jpg": jpeg, "a.1.json": b'{"n": 1}', "a.2.json": b'{"n": 2}'}))
    assert sample.attributes == {"n": 1}
    assert [verdict.gate for verdict in sample.unreadable.values()] == ["input.stem"]


def test_json_nested_too_deep_to_be_attributes_ends_no_run(folder: Write, read: Read, jpeg: bytes) -> None:
    deep = b'{"a":' * 3000 + b"1" + b"}" * 3000
    [sample] = read(folder({"a.jpg": jpeg, "a.json": deep}))
    assert sample.attributes == {}


def test_a_fifo_is_unreadable_and_never_waited_for(folder: Write, read: Read) -> None:
    root = folder({"b.txt": b"b"})
    os.mkfifo(root / "a.txt")
    first, second = read(root)
    assert "is a FIFO" in first.unreadable[f"file://{root}/a.txt"].reason
    assert second.id == "photos/b"


def test_a_link_to_a_file_is_followed_and_one_to_nothing_is_unreadable(folder: Write, read: Read) -> None:
    root = folder({"a.txt": b"a"})
    (root / "b.txt").symlink_to(root / "a.txt")
    (root / "c.txt").symlink_to(root / "nowhere")
    _, linked, broken = read(root)
    assert linked.parts[0].media.content == b"a"
    assert "a link to nothing" in broken.unreadable[f"file://{root}/c.txt"].reason


def test_a_link_to_a_folder_is_not_followed(folder: Write, read: Read) -> None:
    root = folder({"a.txt": b"a"})
    (root / "loop").symlink_to(root)
    [_, loop] = read(root)
    assert "a folder, or a link to one" in loop.unreadable[f"file://{root}/loop"].reason


def test_a_link_to_itself_is_unreadable(folder: Write, read: Read) -> None:
    root = folder({})
    (root / "a.txt").symlink_to(root / "a.txt")
    assert "the link leads to itself" in read(root)[0].unreadable[f"file://{root}/a.txt"].reason


def test_a_file_that_vanishes_after_it_was_listed_is_unreadable(folder: Write) -> None:
    root = folder({"a.txt": b"a", "b.txt": b"b"})
    samples = open_input(str(root), InputLimits())
    next(samples)
    (root / "b.txt").unlink()
    assert "vanished" in next(samples).unreadable[f"file://{root}/b.txt"].reason


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.EACCES, "give this user permission"), (errno.EIO, "check the disk")]
)
def test_a_file_that_the_system_refuses_is_unreadable_with_the_remedy(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    root = folder({"a.txt": b"a"})
    monkeypatch.setattr(os, "open", _failing(number))
    assert remedy in read(root)[0].unreadable[f"file://{root}/a.txt"].reason


def test_a_process_out_of_file_descriptors_is_a_fault_and_no_verdict_on_the_file(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"a.txt": b"a"})
    monkeypatch.setattr(os, "open", _failing(errno.EMFILE))
    with pytest.raises(OSError, match="Too many open files"):
        read(root)


def _failing(number: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_folder_that_cannot_be_listed_is_unreadable_and_the_others_flow(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"a.txt": b"a", "locked/b.txt": b"b"})
    _lock(monkeypatch, root / "locked")
    first, locked = read(root)
    assert (first.id, locked.id) == ("photos/a", "photos/locked/")
    assert "cannot be listed" in locked.unreadable[f"file://{root}/locked/"].reason


def test_a_folder_that_is_the_input_and_cannot_be_listed_is_an_error(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"a.txt": b"a"})
    _lock(monkeypatch, root)
    with pytest.raises(InputRefusedError, match=r"photos/?: cannot be listed \(Permission denied\); expected a folder"):
        read(root)


def _lock(monkeypatch: pytest.MonkeyPatch, locked: Path) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def test_a_name_that_is_not_utf8_has_a_uri_that_gives_its_bytes_back_and_a_readable_id(
    folder: Write, read: Read
) -> None:
    root = folder({})
    (root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"x")
    [sample] = read(root)
    assert sample.id == r"photos/caf\xe9"
    assert sample.parts[0].uri == f"file://{root}/caf%E9.txt"
    assert sample.parts[0].facts["name"] == r"caf\xe9.txt"


def test_an_archive_inside_a_folder_is_unreadable_with_what_to_do(
    folder: Write, read: Read, tar: Write, jpeg: bytes
) -> None:
    root = folder({"shard.tar": tar({"a.jpg": jpeg}).read_bytes()})
    verdict = read(root)[0].unreadable[f"file://{root}/shard.tar"]
    assert verdict.gate == "input.nested"
    assert "is a tar file inside another input" in verdict.reason


def test_a_file_above_max_bytes_is_unreadable_with_its_size(folder: Write, read: Read) -> None:
    root = folder({"a.txt": b"x" * 11})
    verdict = read(root, InputLimits(max_bytes=10))[0].unreadable[f"file://{root}/a.txt"]
    assert (verdict.gate, verdict.score, verdict.threshold) == ("source.files.maxBytes", 11, 10)


def test_a_large_file_is_mapped_and_its_handle_goes_with_the_sample(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAP_FROM_BYTES", 10)
    samples = read(folder({"a.txt": b"mapped words"}))
    assert isinstance(samples[0].parts[0].media.content, mmap)
    handles = _open_handles()
    samples.clear()
    assert _open_handles() == handles - 1


def _open_handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_many_variants_of_one_stem_keep_only_their_first_content(folder: Write, read: Read) -> None:
    root = folder({f"frame.{number:04d}.txt": b"%d" % number for number in range(50)})
    [sample] = read(root)
    assert [part.media.content for part in sample.parts] == [b"0"]
    assert len(sample.unreadable) == 49
