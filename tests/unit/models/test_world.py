from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.models.tiny import captions, depths, films, pictures, sounds, world
from mmpipe.models.tiny.words import ASIDES, OPENINGS, THINGS, WORDS
from mmpipe.models.tiny.world import ATTRIBUTES, Colour, Kind, Scene
from mmpipe.records import Clip, Modality

SCENES = st.tuples(*(st.integers(0, len(values) - 1) for values in ATTRIBUTES.values())).map(world.scene_of)
SEEDS = st.integers(0, 2**32 - 1)


def bytes_of(payload: object) -> bytes:
    if isinstance(payload, Clip):
        assert payload.audio is not None
        return payload.frames.tobytes() + payload.timestamps_s.tobytes() + payload.audio.tobytes()
    return payload.tobytes() if isinstance(payload, np.ndarray) else str(payload).encode()


@pytest.mark.parametrize("renderer", [pictures, sounds, films, depths, captions])
@settings(max_examples=5, deadline=None)
@given(scene=SCENES, seed=SEEDS)
def test_the_same_scene_and_seed_render_the_same_bytes(renderer: object, scene: Scene, seed: int) -> None:
    render: Callable[[Scene, np.random.Generator], object] = renderer.render  # type: ignore[attr-defined]

    first, second = (render(scene, np.random.default_rng(seed)) for _ in range(2))

    assert bytes_of(first) == bytes_of(second)


@settings(max_examples=10, deadline=None)
@given(scene=SCENES, seed=SEEDS)
def test_payloads_have_the_types_of_the_records(scene: Scene, seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture, sound = pictures.render(scene, rng, 90, 120), sounds.render(scene, rng, 1.0)
    film, depth = films.render(scene, rng, 3, 48, 1.0), depths.render(scene, rng, 60, 80)

    assert (picture.dtype.name, picture.shape) == ("uint8", (90, 120, 3))
    assert (sound.dtype.name, sound.shape) == ("float32", (16_000,))
    assert (film.frames.dtype.name, film.frames.shape) == ("uint8", (3, 48, 48, 3))
    assert (film.timestamps_s.dtype.name, film.timestamps_s.shape) == ("float32", (3,))
    assert (depth.dtype.name, depth.shape) == ("float32", (60, 80))


@given(scene=SCENES)
def test_a_scene_is_told_by_its_codes(scene: Scene) -> None:
    assert world.scene_of(world.codes(scene)) == scene


@given(seed=SEEDS)
def test_training_scenes_have_no_held_out_pair(seed: int) -> None:
    drawn = list(islice(world.scenes(np.random.default_rng(seed), held_out=False), 50))

    assert not any(world.is_held_out(scene) for scene in drawn)


def test_every_value_occurs_on_both_sides_of_the_split() -> None:
    for held_out in (False, True):
        drawn = list(islice(world.scenes(np.random.default_rng(0), held_out=held_out), 2_000))
        for name, values in ATTRIBUTES.items():
            assert {getattr(scene, name) for scene in drawn} == set(values), (held_out, name)


def test_a_quarter_of_all_kind_and_colour_pairs_never_occurs_in_training() -> None:
    drawn = islice(world.scenes(np.random.default_rng(0), held_out=False), 5_000)
    seen = {(scene.kind, scene.colour) for scene in drawn}

    assert len(seen) == len(list(product(Kind, Colour))) * 3 // 4


def test_no_word_stands_for_two_values() -> None:
    said = [text for words in WORDS.values() for text in {*words.nouns, *words.adjectives, *words.phrases}]

    assert len(said) == len(set(said))


def test_neutral_words_say_nothing_about_a_scene() -> None:
    telling = {text for words in WORDS.values() for text in (*words.nouns, *words.adjectives, *words.phrases)}

    for neutral in (*ASIDES, *OPENINGS, *THINGS):
        assert not [text for text in telling if f" {text} " in f" {neutral} "], neutral


@settings(deadline=None)
@given(scene=SCENES, seed=SEEDS)
def test_a_caption_says_what_is_true_of_everything_it_mentions_and_nothing_else(scene: Scene, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mentioned = captions.choose_mentions(rng)

    caption = (
        f" {captions.compose(scene, mentioned, rng)} ".lower().replace(",", " ").replace(".", " ").replace("!", " ")
    )

    said = {
        (name, value)
        for name, values in ATTRIBUTES.items()
        for value in values
        for text in (*WORDS[value].nouns, *WORDS[value].adjectives, *WORDS[value].phrases)
        if f" {text} " in caption
    }
    truths = {(name, getattr(scene, name)) for name in mentioned}
    assert said >= truths
    assert {name for name, _ in said} == mentioned
    assert all(value == getattr(scene, name) for name, value in said)


def test_what_a_film_or_a_text_shows_includes_what_any_other_modality_shows() -> None:
    everything = set(ATTRIBUTES)

    assert set(world.OBSERVABLE[Modality.VIDEO]) == set(world.OBSERVABLE[Modality.TEXT]) == everything
    assert set(world.OBSERVABLE) == set(Modality)


def test_far_things_are_deeper_than_near_ones() -> None:
    near, far = (world.scene_of((0, 0, 0, 2, 0, 0, 0, distance)) for distance in (0, 1))

    shallow, deep = (np.nanmin(depths.render(scene, np.random.default_rng(1))) for scene in (near, far))

    assert shallow < 2
    assert deep > 3
