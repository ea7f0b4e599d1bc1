"""Digests, plain values, patience, the folder lock, messages: what the stores are put together from."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.adapters.errors import StoreBusy, StoreRefused, StoreUnreachable, public_uri
from mmpipe.adapters.folder_lock import FolderLock
from mmpipe.adapters.identity import content_digest, digests_of, fingerprint, row_id
from mmpipe.adapters.patience import ATTEMPTS, patiently, unhurried
from mmpipe.adapters.plain import plain, plain_text
from mmpipe.records import Media, Modality, Part, Rejected, Sample, Segment
from mmpipe.testing import a_sample

# Digests


def test_a_row_id_is_128_bits_in_hexadecimal_and_never_changes() -> None:
    # SHA-256 of "media\0image\0\0\0a", by coreutils' sha256sum: an id that changed would orphan every stored row.
    assert row_id("media", "a", "image", None) == "5151dd7e3bc83475ff7ca3908f8f6aa8"


def test_row_ids_differ_in_pipeline_sample_modality_segment_and_repeat() -> None:
    ids = {
        row_id("p", "s", "image", None),
        row_id("q", "s", "image", None),
        row_id("p", "t", "image", None),
        row_id("p", "s", "audio", None),
        row_id("p", "s", "image", Segment(0, 30)),
        row_id("p", "s", "image", Segment(30, 60)),
        row_id("p", "s", "image", None, repeat=1),
        row_id("p", "s", "image", Segment(0, 30), repeat=1),
    }
    assert len(ids) == 8


@given(st.text(), st.text())
def test_no_two_samples_share_a_row_id_whatever_their_ids_hold(one: str, other: str) -> None:
    assert (row_id("p", one, "image", None) == row_id("p", other, "image", None)) == (one == other)


def sample_of(content: bytes, uri: str = "file:///a", **attributes: object) -> Sample:
    return Sample("a", (Part(Modality.IMAGE, Media(content, "jpeg"), uri),), attributes)


def test_a_moved_file_is_the_same_content_and_changed_bytes_are_not() -> None:
    same = digests_of(sample_of(b"1", "file:///elsewhere"))
    assert digests_of(sample_of(b"1")).content == same.content
    assert digests_of(sample_of(b"2")).content != same.content


def test_attributes_and_what_was_unreadable_are_part_of_the_content() -> None:
    bare = sample_of(b"1")
    unreadable = Sample("a", bare.parts, {}, {"file:///b": Rejected("input.format", "nobody knows it")})
    digests = {digests_of(sample).content for sample in (bare, sample_of(b"1", year=2020), unreadable)}
    assert len(digests) == 3


def test_the_order_of_attributes_does_not_matter() -> None:
    one, other = sample_of(b"1", a=1, b=2), sample_of(b"1", b=2, a=1)
    assert digests_of(one).content == digests_of(other).content


def test_a_stretch_of_a_recording_is_other_content_than_the_whole() -> None:
    whole = a_sample("a", {Modality.AUDIO: b"1"})
    part = whole.parts[0]
    stretch = Sample("a", (Part(part.modality, Media(b"1", "test", Segment(0, 1)), part.uri),))
    sha256s = digests_of(whole).parts
    assert content_digest(whole, sha256s) != content_digest(stretch, sha256s)


def test_another_recipe_is_another_fingerprint() -> None:
    assert len({fingerprint("content", "recipe"), fingerprint("content", "other"), fingerprint("other", "recipe")}) == 3


def test_a_variant_is_another_fingerprint_and_none_is_that_of_before() -> None:
    assert fingerprint("content", "recipe", "released") != fingerprint("content", "recipe")
    # SHA-256 of "content recipe" (coreutils): what is stored stays unchanged across versions
    known = "fa740d61708fa959e190f1edf9e04b189c32b6746607a321a3ac112915976909"
    assert fingerprint("content", "recipe") == known


# Plain values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([1, 2]), [1, 2]),
        (np.float64("nan"), None),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (b"\x01\xff", "01ff"),
        (Path("a") / "b", "a/b"),
        ({1: ("x", {"y"})}, {"1": ["x", ["y"]]}),
        ("a\0b", "ab"),
        ("Zoë 音", "Zoë 音"),
        (True, True),
    ],
)
def test_a_value_of_any_origin_becomes_json(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


@given(st.text(alphabet=st.characters(), max_size=20))
def test_plain_text_is_text_that_every_store_takes(text: str) -> None:
    written = plain_text(text)
    assert "\0" not in written
    written.encode("utf-8")


def test_a_byte_that_was_no_utf8_stays_recognisable() -> None:
    assert plain_text(b"caf\xe9.jpg".decode("utf-8", "surrogateescape")) == "caf\\udce9.jpg"


# Patience


def test_a_store_that_answers_late_is_asked_again_with_growing_random_waits() -> None:
    waits: list[float] = []
    retrying = unhurried().copy(sleep=waits.append)
    answers = iter([StoreUnreachable("s", "f", "e", "r")] * (ATTEMPTS - 1) + ["here"])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask, retrying) == "here"
    limits = [0.1, 0.2, 0.4, 0.8]
    assert len(waits) == len(limits)
    assert all(0 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))


def test_a_store_that_never_answers_raises_its_own_fault_in_the_end() -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise StoreUnreachable("the store", "nothing", "an answer", "start it")

    with pytest.raises(StoreUnreachable, match="start it"):
        patiently(ask, unhurried().copy(sleep=lambda _: None))
    assert len(asked) == ATTEMPTS


def test_a_store_that_refuses_is_asked_once() -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise StoreRefused("the store", "no", "yes", "give a key")

    with pytest.raises(StoreRefused):
        patiently(ask)
    assert len(asked) == 1


# The folder lock


def test_the_second_process_learns_who_holds_the_folder(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from mmpipe.adapters.folder_lock import FolderLock;"
    code += "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    path = tmp_path / "vectors.lock"
    holder = subprocess.Popen(  # ours
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=rf"{tmp_path}/vectors: .*process {holder.pid} \(.*since 20"):
            FolderLock(path)
        holder.kill()
    FolderLock(path).release()


def test_a_released_folder_is_free(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a.lock") as lock:
        pass
    lock.release()
    FolderLock(tmp_path / "a.lock").release()


def test_a_holder_that_has_not_signed_yet_is_not_named(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "a.lock"):
        (tmp_path / "a.lock").write_text("")
        with pytest.raises(StoreBusy, match="a process that has just started"):
            FolderLock(tmp_path / "a.lock")


# Messages


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("postgresql://me:secret@host:5432/db?sslpassword=secret", "postgresql://me@host:5432/db"),
        ("http://token@host:19530", "http://token@host:19530"),
        ("s3://media/prefix", "s3://media/prefix"),
        ("/data/metadata.sqlite", "/data/metadata.sqlite"),
        ("sqlite:////data/m.db?timeout=1", "sqlite:////data/m.db"),
    ],
)
def test_a_message_holds_no_password_and_no_query(uri: str, public: str) -> None:
    assert public_uri(uri) == public
