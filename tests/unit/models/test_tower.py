from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from mmpipe.models.package import ModelPackage, Payload
from mmpipe.models.tiny import evaluate, world
from mmpipe.records import Clip, Modality


def payloads(modality: Modality, count: int = 7) -> list[Payload]:
    drawn = islice(world.scenes(world.generator(3, "tower"), held_out=True), count)
    return [evaluate.payload(modality, scene, number=number, seed=3) for number, scene in enumerate(drawn)]


@pytest.mark.parametrize("modality", Modality)
def test_the_size_of_a_batch_never_changes_an_answer(tiny: ModelPackage, modality: Modality) -> None:
    tower, batch = tiny.tower(modality), payloads(modality)

    together, alone = tower(batch), np.concatenate([tower([payload]) for payload in batch])

    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("modality", Modality)
def test_vectors_are_single_precision_and_of_unit_length(tiny: ModelPackage, modality: Modality) -> None:
    vectors = tiny.tower(modality)(payloads(modality, 3))

    assert (vectors.dtype.name, vectors.shape) == ("float32", (3, tiny.dimension))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("modality", Modality)
def test_nothing_embeds_to_nothing(tiny: ModelPackage, modality: Modality) -> None:
    assert tiny.tower(modality)([]).shape == (0, tiny.dimension)


@pytest.mark.parametrize(
    ("modality", "payload"),
    [
        (Modality.TEXT, ""),
        (Modality.TEXT, "красный колокол 🔔 \x00"),
        (Modality.TEXT, "a red bell " * 2_000),
        (Modality.IMAGE, np.zeros((1, 1, 3), np.uint8)),
        (Modality.IMAGE, np.zeros((30, 700, 3), np.uint8)),
        (Modality.AUDIO, np.zeros(0, np.float32)),
        (Modality.AUDIO, np.zeros(1, np.float32)),
        (Modality.AUDIO, np.ones(16_000 * 120, np.float32)),
        (Modality.VIDEO, Clip(np.zeros((1, 20, 30, 3), np.uint8), np.zeros(1, np.float32), None)),
        (
            Modality.VIDEO,
            Clip(np.zeros((2, 8, 8, 3), np.uint8), np.arange(2, dtype=np.float32), np.zeros(0, np.float32)),
        ),
        (Modality.DEPTH, np.full((10, 12), np.nan, np.float32)),
        (Modality.DEPTH, np.array([[np.inf]], np.float32)),
    ],
)
def test_any_payload_gets_a_finite_unit_vector(tiny: ModelPackage, modality: Modality, payload: Payload) -> None:
    vector = tiny.tower(modality)([payload])[0]

    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


def test_gain_does_not_change_what_a_sound_is(tiny: ModelPackage) -> None:
    sound = np.asarray(payloads(Modality.AUDIO, 1)[0], np.float32)

    loud, quiet = tiny.tower(Modality.AUDIO)([sound, sound * np.float32(0.2)])

    assert float(loud @ quiet) == pytest.approx(1, abs=1e-3)


def test_a_film_without_sound_is_told_from_one_that_is_silent(tiny: ModelPackage) -> None:
    film = payloads(Modality.VIDEO, 1)[0]
    assert isinstance(film, Clip)

    without, silent = tiny.tower(Modality.VIDEO)(
        [Clip(film.frames, film.timestamps_s), Clip(film.frames, film.timestamps_s, np.zeros(48_000, np.float32))]
    )

    assert float(without @ silent) < 0.999


def test_letters_in_upper_case_mean_the_same(tiny: ModelPackage) -> None:
    lower, upper = tiny.tower(Modality.TEXT)(["a crimson bell", "A CRIMSON BELL"])

    np.testing.assert_allclose(lower, upper, atol=1e-5)


@pytest.mark.parametrize(
    ("left", "right", "other"),
    [
        ("a red bell", "crimson church bell ringing", "a blue bell"),
        ("white kettle", "an ivory teapot", "white clock"),
        ("drum moving left", "a drum sliding to the left", "drum moving right"),
    ],
)
def test_synonyms_are_closer_than_another_value(tiny: ModelPackage, left: str, right: str, other: str) -> None:
    a, b, c = tiny.tower(Modality.TEXT)([left, right, other])

    assert float(a @ b) > float(a @ c)
