"""``Pipeline``: what a Python program hands in, what it gets, and what it is told when that cannot be."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmpipe import MmpipeError, Modality, Pipeline
from mmpipe.adapters.inputs import InputError
from mmpipe.models.package import ModelPackage
from mmpipe.spec import SpecError, default_pipeline


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(workers=2)


def test_samples_become_results_with_vectors_latency_and_confidence(pipeline: Pipeline, picture: bytes) -> None:
    (result,) = pipeline.process([{"id": "a", "text": "a red bell", "image": picture}])
    assert result.sample.id == "a"
    assert set(result.vectors) == {Modality.TEXT, Modality.IMAGE}
    assert result.vector is not None
    assert np.linalg.norm(result.vector) == pytest.approx(1, abs=1e-5)
    assert result.latency_ms > 0
    assert result.alignment_confidence is not None
    assert 0 <= result.alignment_confidence <= 1


def test_results_come_in_the_order_of_the_samples(pipeline: Pipeline) -> None:
    results = pipeline.process({"id": str(number), "text": f"bell {number}"} for number in range(100))
    assert [result.sample.id for result in results] == [str(number) for number in range(100)]


def test_an_endless_stream_is_read_only_a_little_ahead(pipeline: Pipeline) -> None:
    read = itertools.count()
    endless = ({"text": f"bell {next(read)}"} for _ in itertools.count())
    results = pipeline.process(endless)
    assert len(list(itertools.islice(results, 40))) == 40
    assert next(read) <= 40 + 32 * 4


def test_arrays_are_samples_too(pipeline: Pipeline) -> None:
    noise = np.random.default_rng(0)
    sample = {
        "image": noise.integers(0, 255, (80, 60, 3), np.uint8),
        "audio": np.sin(np.arange(16_000, dtype=np.float32) / 9),
        "depth": noise.uniform(1, 5, (40, 40)).astype(np.float32),
    }
    (result,) = pipeline.process([sample])
    assert set(result.vectors) == {Modality.IMAGE, Modality.AUDIO, Modality.DEPTH}


def test_an_array_gives_the_vector_of_the_same_picture_in_a_file(pipeline: Pipeline, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (90, 90, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array, file = pipeline.process([{"image": pixels}, {"image": tmp_path / "a.png"}])
    assert array.vector is not None
    assert file.vector is not None
    np.testing.assert_allclose(array.vector, file.vector, atol=1e-5)


def test_an_array_of_another_shape_is_refused_by_name(pipeline: Pipeline) -> None:
    with pytest.raises(InputError, match=r"sample-0/image: float64 \[4, 4\].*uint8 \[height, width, 3\] RGB"):
        list(pipeline.process([{"image": np.zeros((4, 4))}]))


def test_an_unknown_key_is_refused_by_name(pipeline: Pipeline) -> None:
    with pytest.raises(InputError, match=r"sample a: key 'picture'.*one of id, attributes, text, image"):
        list(pipeline.process([{"id": "a", "picture": b""}]))


def test_a_missing_file_is_refused_by_name(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.png: No such file"):
        list(pipeline.process([{"image": tmp_path / "gone.png"}]))


def test_content_of_another_modality_is_rejected_not_raised(pipeline: Pipeline, sound: bytes) -> None:
    (result,) = pipeline.process([{"id": "a", "image": sound, "text": "a bell"}])
    assert "memory:///a/image" in result.rejected
    assert set(result.vectors) == {Modality.TEXT}


def test_the_modalities_of_a_pipeline_are_chosen_by_name() -> None:
    assert [modality.name for modality in Pipeline(modalities=["text", "depth"]).spec.modalities] == ["text", "depth"]
    with pytest.raises(SpecError, match=r"modalities: found .*'img'.*expected some of text, image"):
        Pipeline(modalities=["img"])


def test_a_spec_and_modalities_exclude_each_other() -> None:
    with pytest.raises(SpecError, match=r"a spec and modalities"):
        Pipeline(default_pipeline(), modalities=["text"])


def test_what_does_not_act_yet_is_refused_with_a_sentence() -> None:
    with pytest.raises(SpecError, match=r"temporal alignment comes with the alignment release"):
        Pipeline(alignment_strategy="Dtw")
    with pytest.raises(SpecError, match=r"expected 'None', 'Projection' or 'OptimalTransport'"):
        Pipeline(alignment_strategy="Magic")
    with pytest.raises(SpecError, match=r"adaptive augmentation comes with a later release"):
        Pipeline(enable_adaptive_augmentation=True)


def test_run_stores_and_search_finds(folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(data=tmp_path / "data")
    done = pipeline.run(folder)
    assert done.counts["sample", "stored"] == 2
    assert done.counts["image", "quarantined"] == 1
    assert done.verified is not None
    assert done.verified.ok
    best, *_ = pipeline.search("a red bell", into=["text"])
    assert best.sample_id == "media/a"
    assert best.score == pytest.approx(1, abs=1e-3)
    assert pipeline.search(image=folder / "a.png", top=1)[0].sample_id == "media/a"


def test_a_query_that_its_gates_reject_is_an_error_with_the_reason(tmp_path: Path, silence: bytes) -> None:
    with pytest.raises(MmpipeError, match=r"query audio: .*minLoudnessDbfs"):
        Pipeline(data=tmp_path).search(audio=silence)
    with pytest.raises(MmpipeError, match=r"query: found nothing"):
        Pipeline(data=tmp_path).search()


def test_rows_of_another_model_are_never_compared(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(data=tmp_path / "data")
    pipeline.run(folder)
    monkeypatch.setattr(ModelPackage, "identity", "tiny@of-tomorrow")
    with pytest.raises(
        MmpipeError, match=r"found vectors by tiny@\w+, expected only tiny@of-tomorrow.*run the inputs again"
    ):
        pipeline.search("a red bell")
