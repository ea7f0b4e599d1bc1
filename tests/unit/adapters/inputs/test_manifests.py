from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmpipe.adapters.inputs import DamagedInputError, InputBombError, InputLimits, limits, lines, open_input
from mmpipe.records import Modality, Rejected, Sample

type Write = Callable[..., Path]
type Read = Callable[..., list[Sample]]
type OpenPipe = Callable[[bytes], BinaryIO]


def _jsonl(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _table(tmp_path: Path, **columns: object) -> Path:
    path = tmp_path / "photos.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def _verdict(sample: Sample) -> Rejected:
    [verdict] = sample.unreadable.values()
    return verdict


def test_a_row_names_its_parts_and_its_attributes(folder: Write, read: Read, jpeg: bytes, wav: bytes) -> None:
    rows = _jsonl(
        {"id": "x", "text": "a bell", "image": "in/a.jpg", "audio": "a.wav", "attributes": {"n": 1}, "year": 2020}
    )
    root = folder({"photos.jsonl": rows, "in/a.jpg": jpeg, "a.wav": wav})
    [sample] = read(root / "photos.jsonl")
    assert sample.id == "x"
    assert [(part.modality, part.media.content) for part in sample.parts] == [
        (Modality.TEXT, b"a bell"),
        (Modality.IMAGE, jpeg),
        (Modality.AUDIO, wav),
    ]
    assert sample.parts[0].uri == f"file://{root}/photos.jsonl#row=1"
    assert sample.parts[1].uri == f"file://{root}/in/a.jpg"
    assert sample.attributes == {"n": 1, "year": 2020}


def test_a_column_wins_over_the_same_name_in_attributes(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"text": "x", "attributes": {"n": 1, "m": 1}, "n": 2})})
    assert read(root / "m.jsonl")[0].attributes == {"n": 2, "m": 1}


def test_a_row_without_an_id_is_named_by_manifest_and_row(folder: Write, read: Read) -> None:
    root = folder({"photos.jsonl": b'{"text": "x"}\n\n{"id": "", "text": "y"}\n{"id": 7, "text": "z"}'})
    assert [sample.id for sample in read(root / "photos.jsonl")] == ["photos/1", "photos/2", "7"]


def test_an_id_prefix_goes_before_every_id_of_a_manifest(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"id": "a", "text": "x"}, {"text": "y"})})
    assert [sample.id for sample in read(root / "m.jsonl", id_prefix="mine")] == ["mine/a", "mine/m/2"]


def test_inline_text_is_plain_text_whatever_it_looks_like(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"text": '{"no": "field"}'}, {"text": "<p>x</p>"})})
    assert [sample.parts[0].media.format for sample in read(root / "m.jsonl")] == ["txt", "txt"]


def test_a_text_file_is_read_from_its_path(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"text_file": "a.md"}), "a.md": b"# title"})
    assert read(root / "m.jsonl")[0].parts[0].media.content == b"# title"


def test_text_beside_a_text_file_wins_and_the_file_is_unreadable(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"text": "x", "text_file": "a.md"}), "a.md": b"y"})
    [sample] = read(root / "m.jsonl")
    assert [part.media.content for part in sample.parts] == [b"x"]
    assert "found text and text_file, expected one of them" in _verdict(sample).reason


def test_the_column_declares_the_modality_of_its_file(folder: Write, read: Read, png: bytes) -> None:
    root = folder({"m.jsonl": _jsonl({"image": "a.png"}, {"depth": "a.png"}, {"audio": "a.png"}), "a.png": png})
    image, depth, audio = read(root / "m.jsonl")
    assert (image.parts[0].modality, depth.parts[0].modality) == (Modality.IMAGE, Modality.DEPTH)
    assert _verdict(audio).gate == "input.format"
    assert _verdict(audio).reason.startswith("m.jsonl, line 3, audio: ")


def test_one_file_may_stand_for_two_modalities(folder: Write, read: Read, png: bytes) -> None:
    root = folder({"m.jsonl": _jsonl({"image": "a.png", "depth": "a.png"}), "a.png": png})
    assert len(read(root / "m.jsonl")[0].parts) == 2


def test_paths_may_be_absolute_lead_up_or_be_file_uris(folder: Write, read: Read, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"x")
    places = [str(tmp_path / "a b.txt"), "../a b.txt", f"file://{tmp_path}/a%20b.txt", f"file:{tmp_path}/a%20b.txt"]
    root = folder({"m.jsonl": _jsonl(*({"text_file": place} for place in places))})
    assert [sample.parts[0].uri for sample in read(root / "m.jsonl")] == [f"file://{tmp_path}/a%20b.txt"] * 4


@pytest.mark.parametrize("place", ["https://h/a.jpg", "s3://b/a.jpg", "data:image/png;base64,AA", "file://host/a.jpg"])
def test_a_remote_place_is_refused_with_what_to_do(folder: Write, read: Read, place: str) -> None:
    root = folder({"m.jsonl": _jsonl({"image": place})})
    verdict = _verdict(read(root / "m.jsonl")[0])
    assert verdict.gate == "input.remote"
    assert "m.jsonl, line 1, image: " in verdict.reason
    assert "fetch it first" in verdict.reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "a", "image": "nowhere.jpg"}, "m.jsonl, line 2, image: .*nowhere.jpg cannot be read"),
        ({"id": "a", "image": ".."}, "m.jsonl, line 2, image: .* is a folder, or a link to one"),
        ({"id": "a", "image": 5}, "m.jsonl, line 2, image: found 5, expected a path"),
        ({"id": "a", "text": 5}, "m.jsonl, line 2, text: found 5, expected a text"),
        ({"id": "a", "text": "\ud800"}, "m.jsonl, line 2, text: The text is not Unicode"),
        ({"id": "a", "image": "\ud800"}, "m.jsonl, line 2, image: .* is not a path"),
        ({"id": "a", "image": "a\0b"}, "m.jsonl, line 2, image: .* is not a path"),
        ({"id": "a", "year": 2020}, "m.jsonl, line 2: found no part, expected one of text, text_file, image"),
        ({"id": "a"}, "m.jsonl, line 2: found no part"),
    ],
)
def test_a_bad_row_is_unreadable_with_its_line_and_the_next_row_flows(
    folder: Write, read: Read, row: dict[str, object], reason: str
) -> None:
    root = folder({"m.jsonl": _jsonl({"text": "first"}, row, {"text": "last"})})
    _, bad, last = read(root / "m.jsonl")
    assert (bad.id, bad.parts) == ("a", ())
    assert re.search(reason, _verdict(bad).reason)
    assert last.id == "m/3"


@pytest.mark.parametrize("cell", [True, 1.5, ["a"], {"a": 1}])
def test_an_id_that_is_neither_text_nor_integer_is_unreadable_and_the_parts_stand(
    folder: Write, read: Read, cell: object
) -> None:
    root = folder({"m.jsonl": _jsonl({"id": cell, "text": "x"})})
    [sample] = read(root / "m.jsonl")
    assert (sample.id, len(sample.parts)) == ("m/1", 1)
    assert "expected a text or an integer" in _verdict(sample).reason


def test_attributes_that_are_no_object_are_unreadable_and_the_parts_stand(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"text": "x", "attributes": [1]})})
    [sample] = read(root / "m.jsonl")
    assert (sample.attributes, len(sample.parts)) == ({}, 1)
    assert "attributes [1], expected a JSON object" in _verdict(sample).reason


def test_a_second_row_of_an_id_does_not_replace_the_first(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": _jsonl({"id": "a", "text": "1"}, {"id": "a", "text": "2"})})
    first, second = read(root / "m.jsonl")
    assert (first.parts[0].media.content, second.id, second.parts) == (b"1", "a~2", ())


def test_a_line_that_is_no_object_is_unreadable_with_what_it_says(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": b'{"text": "1"}\n{"text": \n{"text": "3"}\n'})
    samples = read(root / "m.jsonl")
    assert [sample.id for sample in samples] == ["m/1", "m/2", "m/3"]
    assert "m.jsonl, line 2: found '{\"text\":', expected a JSON object" in _verdict(samples[1]).reason


def test_a_manifest_whose_first_line_is_no_object_is_an_error_with_its_line(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl": b"\nid,text\n"})
    with pytest.raises(
        DamagedInputError, match=r"m\.jsonl, line 2: 'id,text'; expected a JSON object in UTF-8; correct"
    ):
        read(root / "m.jsonl")


@pytest.mark.parametrize("name", ["m.jsonl", "m.csv"])
def test_an_empty_manifest_is_an_error(folder: Write, read: Read, name: str) -> None:
    with pytest.raises(DamagedInputError, match=f"{name}, line 1: nothing; expected a"):
        read(folder({name: b""}) / name)


@pytest.mark.parametrize("name", ["m.jsonl", "m.csv"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(folder: Write, read: Read, name: str) -> None:
    rows = b'{"text": "x"}\n' if name == "m.jsonl" else b"text,n\nx,1\n"
    assert read(folder({name: b"\xef\xbb\xbf" + rows}) / name)[0].parts[0].media.content == b"x"


def test_a_line_longer_than_a_manifest_has_reason_for_is_unreadable_and_the_next_flows(
    folder: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    root = folder({"m.jsonl": _jsonl({"text": "1"}, {"text": "x" * 1000}, {"text": "3"})})
    first, long, last = read(root / "m.jsonl")
    assert "line 2: found a longer line than a manifest may have" in _verdict(long).reason
    assert (first.id, last.id) == ("m/1", "m/3")


def test_a_compressed_manifest_is_read_and_paths_start_where_it_lies(folder: Write, read: Read) -> None:
    root = folder({"m.jsonl.gz": gzip.compress(_jsonl({"text_file": "a.txt"})), "a.txt": b"x"})
    assert read(root / "m.jsonl.gz")[0].parts[0].media.content == b"x"


def test_a_compressed_manifest_that_breaks_off_keeps_the_rows_before(folder: Write, read: Read) -> None:
    packed = gzip.compress(_jsonl(*({"text": os.urandom(500).hex()} for _ in range(500))))
    samples = read(folder({"m.jsonl.gz": packed[: len(packed) // 2]}) / "m.jsonl.gz")
    assert len(samples[0].parts) == 1
    assert f"what follows row {len(samples) - 1}: found" in _verdict(samples[-1]).reason
    assert "its compression breaks off" in _verdict(samples[-1]).reason


def test_cells_of_a_csv_are_typed_by_jsons_grammar(folder: Write, read: Read) -> None:
    header = "id,text,count,share,yes,zip,big,huge,empty\n"
    row = "007,12,3,-1.5e2,TRUE,007,12345678901234567890,1e999,\n"
    [sample] = read(folder({"m.csv": (header + row).encode()}) / "m.csv")
    assert (sample.id, sample.parts[0].media.content) == ("007", b"12")
    assert sample.attributes == {
        "count": 3,
        "share": -150.0,
        "yes": True,
        "zip": "007",
        "big": "12345678901234567890",
        "huge": "1e999",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_may_be_delimited_by_comma_semicolon_or_tab(folder: Write, read: Read, delimiter: str) -> None:
    rows = f'id{delimiter}text\n\na{delimiter}"two\nlines"\n'
    [sample] = read(folder({"m.csv": rows.encode()}) / "m.csv")
    assert (sample.id, sample.parts[0].media.content) == ("a", b"two\nlines")


def test_attributes_in_a_csv_are_json(folder: Write, read: Read) -> None:
    rows = 'text,attributes\nx,"{""n"": 1}"\ny,{\n'
    good, bad = read(folder({"m.csv": rows.encode()}) / "m.csv")
    assert good.attributes == {"n": 1}
    assert "m.csv, line 3: found attributes '{', expected a JSON object" in _verdict(bad).reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"a,b,c", "line 3: found 3 cells, expected 2"),
        (b"a", "line 3: found 1 cells, expected 2"),
        (b"caf\xe9,x", "line 3: found an overlong line, or bytes that are not UTF-8 text"),
        (b'"a"b,x', "line 3: found ',' expected after '\"'"),
        (b'"' + b"x" * 140_000 + b'",x', "line 3: found field larger than field limit"),
    ],
)
def test_a_bad_row_of_a_csv_is_unreadable_with_its_line_and_the_next_row_flows(
    folder: Write, read: Read, row: bytes, reason: str
) -> None:
    samples = read(folder({"m.csv": b"id,text\n1,x\n" + row + b"\n3,z\n"}) / "m.csv")
    assert [sample.id for sample in samples] == ["1", "m/2", "3"]
    assert reason in _verdict(samples[1]).reason


def test_a_quote_that_is_never_closed_is_unreadable(folder: Write, read: Read) -> None:
    first, bad = read(folder({"m.csv": b'id,text\n1,x\n2,"open\n3,z\n'}) / "m.csv")
    assert first.id == "1"
    assert "found unexpected end of data" in _verdict(bad).reason


def test_a_csv_whose_columns_name_no_part_is_an_error_with_the_nearest_name(folder: Write, read: Read) -> None:
    message = r"m\.csv, line 1: the columns id, Images; expected one of text, .*; did you mean image by Images\?"
    with pytest.raises(DamagedInputError, match=message):
        read(folder({"m.csv": b"id,Images\n1,a.jpg\n"}) / "m.csv")


def test_a_csv_with_a_column_twice_is_an_error(folder: Write, read: Read) -> None:
    with pytest.raises(DamagedInputError, match="line 1: column 'text' twice; expected every column once"):
        read(folder({"m.csv": b"text,text\n1,2\n"}) / "m.csv")


def test_a_csv_that_is_not_utf8_is_an_error_with_the_remedy(folder: Write, read: Read) -> None:
    with pytest.raises(DamagedInputError, match="save the table as CSV UTF-8"):
        read(folder({"m.csv": "id,text\n1,x\n".encode("utf-16")}) / "m.csv")


def test_parquet_values_keep_their_types(tmp_path: Path, read: Read) -> None:
    path = _table(
        tmp_path,
        text=["x"],
        n=[1],
        share=[float("nan")],
        price=[Decimal("1.5")],
        day=[dt.date(2020, 1, 2)],
        tags=[["a", "b"]],
        nothing=pa.array([None], pa.int32()),
    )
    [sample] = read(path)
    assert sample.attributes == {"n": 1, "share": None, "price": 1.5, "day": "2020-01-02", "tags": ["a", "b"]}
    assert sample.id == "photos/1"


def test_parquet_may_hold_the_media_themselves(tmp_path: Path, read: Read, jpeg: bytes) -> None:
    path = _table(tmp_path, image=[jpeg, None], audio=[None, {"bytes": None, "path": "a.txt"}])
    (tmp_path / "a.txt").write_bytes(b"x")
    held, named = read(path)
    assert (held.parts[0].media.content, held.parts[0].uri) == (jpeg, f"file://{path}#row=1&column=image")
    assert _verdict(named).gate == "input.format"


def test_parquet_may_hold_media_as_bytes_with_their_name(tmp_path: Path, read: Read, jpeg: bytes) -> None:
    [sample] = read(_table(tmp_path, image=[{"bytes": jpeg, "path": "x/a.png"}]))
    assert sample.parts[0].facts["name"] == "a.png"
    assert "named .png" in str(sample.parts[0].facts["mismatch"])


def test_media_in_parquet_above_max_bytes_are_unreadable(tmp_path: Path, read: Read, jpeg: bytes) -> None:
    [sample] = read(_table(tmp_path, image=[jpeg]), InputLimits(max_bytes=10))
    assert _verdict(sample).gate == "source.files.maxBytes"


def test_rows_of_a_large_parquet_are_numbered_across_its_batches(tmp_path: Path, read: Read) -> None:
    samples = read(_table(tmp_path, text=[str(number) for number in range(200)]))
    assert [sample.parts[0].media.content for sample in samples] == [b"%d" % number for number in range(200)]
    assert samples[-1].id == "photos/200"


def test_binary_that_means_nothing_is_an_error_once_and_not_per_row(tmp_path: Path, read: Read) -> None:
    message = "photos.parquet, schema: column jpg holds binary; .* name it after the modality"
    with pytest.raises(DamagedInputError, match=message):
        read(_table(tmp_path, text=["x"], jpg=[b"x"]))


def test_binary_hidden_in_a_list_is_unreadable_and_the_parts_stand(tmp_path: Path, read: Read) -> None:
    [sample] = read(_table(tmp_path, text=["x"], blobs=[[b"x"]]))
    assert len(sample.parts) == 1
    assert "bytes is no JSON type" in _verdict(sample).reason


def test_a_parquet_that_names_no_part_is_an_error(tmp_path: Path, read: Read) -> None:
    with pytest.raises(DamagedInputError, match=r"schema: the columns caption; expected one of text, text_file, image"):
        read(_table(tmp_path, caption=["x"]))


def test_a_parquet_without_its_footer_is_an_error(tmp_path: Path, read: Read) -> None:
    path = _table(tmp_path, text=["x"])
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamagedInputError, match=r"photos\.parquet, footer: .*; expected a complete Parquet file"):
        read(path)


def test_a_parquet_damaged_within_keeps_the_rows_before(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "photos.parquet"
    table = pa.table({"text": [os.urandom(20).hex() for _ in range(128)]})
    pq.write_table(table, path, row_group_size=64, compression="gzip", use_dictionary=False)
    second = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[second : second + 400] = bytes(400)
    path.write_bytes(content)
    samples = read(path)
    assert len(samples) == 65
    assert "row 65 and all after it" in _verdict(samples[-1]).reason


def test_a_parquet_bomb_is_an_error(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATIO_GRACE_BYTES", 1024)
    path = tmp_path / "photos.parquet"
    table = pa.table({"text": [str(number) + "x" * 100_000 for number in range(20)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    with pytest.raises(InputBombError, match=r"row group 0: unpacks .*; expected at most 200 bytes per byte"):
        read(path)


@pytest.mark.parametrize("content", [_jsonl({"id": "a", "text": "x"}), b"id,text\na,x\n"])
def test_a_manifest_on_standard_input_is_known_by_its_first_line(read: Read, pipe: OpenPipe, content: bytes) -> None:
    [sample] = read("-", stdin=pipe(content))
    assert (sample.id, sample.parts[0].media.content, sample.parts[0].uri) == ("a", b"x", "stdin:#row=1")


def test_a_parquet_on_standard_input_is_spooled_and_read(tmp_path: Path, read: Read, pipe: OpenPipe) -> None:
    [sample] = read("-", stdin=pipe(_table(tmp_path, text=["x"]).read_bytes()))
    assert (sample.id, sample.parts[0].media.content) == ("stdin/1", b"x")


def test_paths_in_a_manifest_on_standard_input_start_in_the_working_folder(
    folder: Write, read: Read, pipe: OpenPipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder({"a.txt": b"x"}))
    assert read("-", stdin=pipe(_jsonl({"text_file": "a.txt"})))[0].parts[0].media.content == b"x"


def test_a_row_is_a_sample_before_the_next_row_is_there() -> None:
    reader, writer = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    with reader, writer:
        writer.write(_jsonl(*({"id": str(number), "text": "x" * 1000} for number in range(2))))
        writer.flush()
        samples = open_input("-", InputLimits(), stdin=cast("BinaryIO", reader))
        assert next(samples).id == "0"
