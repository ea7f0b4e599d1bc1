"""The data path: samples are taken apart, embedded by modality, joined and fused, and no part takes another with it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmpipe.models.locating import BUILTIN
from mmpipe.records import Failed, Item, Media, Modality, Part, Rejected, Result, Sample, Segment
from mmpipe.runtimes.path import DataPath
from mmpipe.spec import SpecError, default_pipeline
from mmpipe.spec.embed import Embed, Model
from mmpipe.spec.pipeline import PipelineSpec
from mmpipe.spec.sink import Milvus, Sink
from mmpipe.spec.text import TextModality

SPEC = default_pipeline().spec


@pytest.fixture(scope="module")
def path() -> DataPath:
    return DataPath(SPEC)


def part(modality: Modality, content: bytes, format_: str) -> Part:
    return Part(modality, Media(content, format_), f"memory:///{modality}")


def caption(text: str = "a red bell") -> Part:
    return part(Modality.TEXT, text.encode(), "txt")


def only(path: DataPath, *parts: Part) -> Result:
    (result,) = path.process([Sample("s", parts)])
    return result


def test_every_sample_gets_one_result_in_order(path: DataPath, picture: bytes) -> None:
    samples = [
        Sample("a", (caption(),)),
        Sample("b", (part(Modality.IMAGE, picture, "png"),)),
        Sample("c", (caption("a drum"), part(Modality.IMAGE, picture, "png"))),
    ]
    results = path.process(samples)
    assert [result.sample.id for result in results] == ["a", "b", "c"]
    assert [set(result.vectors) for result in results] == [
        {Modality.TEXT},
        {Modality.IMAGE},
        {Modality.TEXT, Modality.IMAGE},
    ]


def test_the_company_of_other_samples_changes_no_vector(path: DataPath, picture: bytes, sound: bytes) -> None:
    sample = Sample("s", (caption(), part(Modality.IMAGE, picture, "png"), part(Modality.AUDIO, sound, "wav")))
    (alone,) = path.process([sample])
    among = path.process([Sample("t", (caption("other"),)), sample, Sample("u", (caption("more words here"),))])[1]
    assert alone.vector is not None
    assert among.vector is not None
    np.testing.assert_allclose(alone.vector, among.vector, atol=1e-4)


def test_a_rejected_part_leaves_the_others_and_says_why(path: DataPath, silence: bytes) -> None:
    result = only(path, caption(), part(Modality.AUDIO, silence, "wav"))
    assert set(result.vectors) == {Modality.TEXT}
    assert result.rejected["memory:///audio"].gate == "audio.clean.minLoudnessDbfs"
    assert result.fusion is not None
    assert not isinstance(result.fusion, Rejected)
    assert Modality.AUDIO in result.fusion.missing


def test_the_sound_track_of_a_film_becomes_audio(path: DataPath, film: bytes) -> None:
    result = only(path, part(Modality.VIDEO, film, "mkv"))
    assert set(result.vectors) == {Modality.VIDEO, Modality.AUDIO}


def test_a_film_without_sound_has_no_audio(path: DataPath, silent_film: bytes) -> None:
    assert set(only(path, part(Modality.VIDEO, silent_film, "mkv")).vectors) == {Modality.VIDEO}


def test_a_sample_with_audio_of_its_own_keeps_that(path: DataPath, film: bytes, sound: bytes) -> None:
    result = only(path, part(Modality.VIDEO, film, "mkv"), part(Modality.AUDIO, sound, "wav"))
    assert [one.uri for one in result.embedded if one.modality == Modality.AUDIO] == ["memory:///audio"]


def test_an_ignored_sound_track_is_left_alone(film: bytes) -> None:
    video = SPEC.modality(Modality.VIDEO)
    assert video is not None
    deaf = video.model_validate({**video.model_dump(), "decode": {"audio_track": "Ignore"}})
    result = only(DataPath(PipelineSpec(modalities=(deaf,))), part(Modality.VIDEO, film, "mkv"))
    assert set(result.vectors) == {Modality.VIDEO}


def test_long_media_get_a_vector_for_each_segment(path: DataPath, long_sound: bytes, long_film: bytes) -> None:
    result = only(path, part(Modality.AUDIO, long_sound, "wav"))
    assert [one.segment for one in result.embedded] == [Segment(0, 30), Segment(30, 60), Segment(60, 70)]
    film = only(path, part(Modality.VIDEO, long_film, "mkv"))
    assert [len(film.vectors[modality]) for modality in (Modality.VIDEO, Modality.AUDIO)] == [3, 3]


def test_a_modality_that_the_pipeline_does_not_take_is_rejected(picture: bytes) -> None:
    path = DataPath(default_pipeline(modalities=(Modality.TEXT,)).spec)
    rejected = only(path, part(Modality.IMAGE, picture, "png")).rejected["memory:///image"]
    assert rejected.gate == "modalities"
    assert rejected.reason == "the pipeline takes text and no image; add it to spec.modalities"


def test_media_that_cannot_be_cut_into_segments_are_rejected(path: DataPath) -> None:
    result = only(path, part(Modality.VIDEO, b"no film at all" * 9, "mp4"), caption())
    assert result.rejected["memory:///video"].gate == "video.decode"
    assert set(result.vectors) == {Modality.TEXT}


def test_what_was_unreadable_stays_in_the_result(path: DataPath) -> None:
    verdict = Rejected("input.format", "nobody knows what it is")
    (result,) = path.process([Sample("s", (), unreadable={"file:///x": verdict})])
    assert result.rejected == {"file:///x": verdict}
    assert result.fusion is None


def test_a_stage_that_breaks_fails_its_part_alone(
    path: DataPath, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> list[Item[object]]:
        raise MemoryError("no room")

    stages = path._stages(Modality.IMAGE)  # noqa: SLF001  # there is no other way to break one
    monkeypatch.setitem(path._chains, Modality.IMAGE, (replace(stages[0], stage=broken), *stages[1:]))  # noqa: SLF001
    result = only(path, part(Modality.IMAGE, picture, "png"), caption())
    fates = {one.modality: one.outcome for one in result.embedded}
    assert fates[Modality.IMAGE] == Failed(
        "image.decode", "MemoryError: no room; run again to retry, and report it if it stays"
    )
    assert isinstance(fates[Modality.TEXT], Item)


def test_a_result_has_its_latency_in_milliseconds(path: DataPath) -> None:
    assert 0 < only(path, caption()).latency_ms < 60_000


def test_a_model_of_another_length_than_the_spec_says_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    shutil.copytree(BUILTIN / "tiny", tmp_path / "own")
    text = TextModality(embed=Embed(model=Model(uri=str(tmp_path / "own"))))
    spec = PipelineSpec(modalities=(text,), sink=Sink(milvus=Milvus(dimension=64)))
    with pytest.raises(SpecError, match=r"spec\.sink\.milvus\.dimension: found 64, expected 128, that of "):
        _ = DataPath(spec).package
