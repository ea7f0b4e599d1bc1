"""One law for every kind of input: the same files are the same samples."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.adapters.inputs import InputLimits, open_input
from mmpipe.records import Modality, Sample

type Tree = Mapping[str, bytes]

# Content is drawn per suffix so that trees hold every modality, shared stems, and what no decoder knows.
_NPY = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }".ljust(117)
    + b"\n\0\0\x80?"
)
_WAV = (
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80>\x00\x00\x00}\x00\x00\x02\x00\x10\x00"
    b"data\x02\x00\x00\x00\x01\x02"
)
_CONTENT = {"txt": b"some words", "json": b'{"year": 2020}', "npy": _NPY, "wav": _WAV, "bin": bytes(range(30)), "": b""}

_step = st.text(st.sampled_from("ab-_ \u00e9%!"), min_size=1, max_size=3)
_file = st.tuples(st.lists(_step, max_size=2), _step, st.sampled_from(["", "2."]), st.sampled_from(sorted(_CONTENT)))


def _path(folders: list[str], stem: str, inner: str, suffix: str) -> str:
    return "/".join([*(f"{folder}.d" for folder in folders), f"{stem}.{inner}{suffix}"])


_trees = st.lists(_file, min_size=1, max_size=8).map(lambda files: {_path(*file): _CONTENT[file[3]] for file in files})


def _folder(tree: Tree, place: Path) -> str:
    for name, content in tree.items():
        path = place / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(place / "photos")


def _tar(tree: Tree, place: Path, mode: str) -> str:
    path = place / f"photos.{mode.replace(':', '.')}"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is a parameter here
        for name, content in tree.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path)


def _zip(tree: Tree, place: Path) -> str:
    with zipfile.ZipFile(place / "photos.zip", "w") as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return str(place / "photos.zip")


def _manifest(samples: list[Sample], place: Path) -> str:
    """What a person would write down about the samples of a folder."""
    column = {modality: str(modality) for modality in Modality} | {Modality.TEXT: "text_file"}
    rows = (
        {"id": sample.id, "attributes": sample.attributes, **{column[part.modality]: part.uri for part in sample.parts}}
        for sample in samples
        if sample.parts
    )
    (place / "photos.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(place / "photos.jsonl")


def _read(where: str) -> list[Sample]:
    return sorted(open_input(where, InputLimits(), id_prefix=""), key=lambda sample: sample.id)


def _essence(sample: Sample) -> object:
    parts = [(part.modality, part.media, dict(part.facts)) for part in sample.parts]
    return sample.id, parts, sample.attributes, sorted(verdict.gate for verdict in sample.unreadable.values())


@settings(max_examples=60, deadline=None)
@given(_trees)
def test_a_tree_is_the_same_samples_as_folder_glob_tar_stream_and_zip(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        expected = [_essence(sample) for sample in _read(_folder(tree, place))]
        for where in (
            f"{place}/photos/**/*",
            _tar(tree, place, "w"),
            _tar(tree, place, "w:gz"),
            _zip(tree, place),
        ):
            assert [_essence(sample) for sample in _read(where)] == expected


@settings(max_examples=30, deadline=None)
@given(_trees)
def test_a_manifest_of_a_tree_gives_the_parts_of_its_folder(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        samples = _read(_folder(tree, place))
        listed = _read(_manifest(samples, place)) if any(sample.parts for sample in samples) else []
        assert [(sample.id, sample.parts, sample.attributes) for sample in listed] == [
            (sample.id, sample.parts, sample.attributes) for sample in samples if sample.parts
        ]
