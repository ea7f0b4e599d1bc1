"""Scenes rendered, damaged by codecs and preprocessed: the arrays that training reads.

Rendering is the slow half of training, so it is done once, in chunks by several processes, into files that a second
run finds again. Captions are not here: they are cheap, and fresh ones are written for every batch.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpipe.models import preprocess
from mmpipe.models.tiny import codecs, depths, films, inputs, pictures, sounds, world
from mmpipe.models.tiny.world import Scene
from mmpipe.records import Clip, Floats, Pixels

CHUNK_SCENES = 250
DAMAGED = 0.35
"""How often a rendering goes through a lossy codec before training sees it."""

type Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a set of training scenes depends on; two equal recipes give equal arrays."""

    seed: int
    scenes: int


def load(recipe: Recipe, folder: Path, workers: int = 2) -> Columns:
    """The training arrays, rendered into ``folder`` first where they aren't there yet.

    ``codes`` int64 [n, 8] indexes the values of :data:`.world.ATTRIBUTES`; ``pixels`` uint8 [n, side, side, 3];
    ``mel`` uint8 [n, bands, frames] (255 is loudest); ``frames`` uint8 [n, frames, side, side, 3] and ``film_mel``
    likewise; ``depth`` float16 [n, 2, side, side].
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [_chunk_file(folder, recipe, number) for number in range(-(-recipe.scenes // CHUNK_SCENES))]
    missing = [number for number, file in enumerate(wanted) if not file.exists()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(_write_chunk, folder, recipe), missing))
    chunks = [np.load(file) for file in wanted]
    return {name: np.concatenate([chunk[name] for chunk in chunks])[: recipe.scenes] for name in chunks[0].files}


def columns(scene: Scene, seed: int, number: int) -> Columns:
    """One scene as training sees it; the same seed and number give the same arrays."""
    draw = partial(world.generator, seed, number)
    picture = preprocess.image_arrays(inputs.PICTURE, damaged_picture(scene, draw("image")))
    sound = preprocess.log_mel_windows(inputs.STORED_SOUND, damaged_sound(scene, draw("audio")))
    film = preprocess.video_arrays(inputs.STORED_FILM, damaged_film(scene, draw("video")))
    depth = preprocess.depth_arrays(inputs.DEPTH, sized_depth(scene, draw("depth")))
    return {
        "codes": np.array(world.codes(scene), np.int64),
        "pixels": picture["pixels"][0],
        "mel": _bytes(sound[0]),
        "frames": film["frames"][0],
        "film_mel": _bytes(film["mel"][0].astype(np.float32)),
        "depth": depth["depth"][0].astype(np.float16),
    }


def damaged_picture(scene: Scene, rng: np.random.Generator) -> Pixels:
    """A picture of some size, sometimes after JPEG at a poor quality."""
    picture = pictures.render(scene, rng, *_sides(rng, 96, 224))
    return codecs.read_picture(codecs.jpeg(picture, int(rng.integers(25, 90)))) if rng.random() < DAMAGED else picture


def damaged_sound(scene: Scene, rng: np.random.Generator) -> Floats:
    """A sound, sometimes after a lossy codec at a low bit rate."""
    samples = sounds.render(scene, rng)
    if rng.random() >= DAMAGED / 2:
        return samples
    form = (codecs.MP3, codecs.OPUS, codecs.M4A)[int(rng.integers(3))]
    return codecs.read_sound(codecs.sound(samples, replace(form, bit_rate=int(rng.integers(24, 96)) * 1_000)))


def damaged_film(scene: Scene, rng: np.random.Generator) -> Clip:
    """A film, sometimes after H.264 or, cheaper to make, with its frames after JPEG."""
    side = int(rng.integers(36, 57)) * 2
    clip = films.render(scene, rng, frames=inputs.FILM.frames, side=side)
    dice = rng.random()
    if dice < DAMAGED / 2:
        return codecs.read_film(
            codecs.film(clip, replace(codecs.H264, options={"crf": str(rng.integers(20, 34)), "preset": "ultrafast"}))
        )
    if dice < DAMAGED:
        return replace(clip, frames=_each(clip.frames, lambda frame: codecs.read_picture(codecs.jpeg(frame, 60))))
    return clip


def sized_depth(scene: Scene, rng: np.random.Generator) -> Floats:
    """A depth map of some size."""
    height, width = _sides(rng, 96, 192)
    return depths.render(scene, rng, height, width)


def _each(frames: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    return np.stack([change(frame) for frame in frames])


def _sides(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    side = int(rng.integers(low, high + 1))
    return side, side


def _bytes(unit: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.round(unit * np.float32(255)), np.uint8)


def _chunk_file(folder: Path, recipe: Recipe, number: int) -> Path:
    return folder / f"scenes-{recipe.seed}-{number:04d}.npz"


def _write_chunk(folder: Path, recipe: Recipe, number: int) -> None:
    drawn = islice(world.scenes(world.generator(recipe.seed, number, "scenes"), held_out=False), CHUNK_SCENES)
    rows = [columns(scene, recipe.seed, number * CHUNK_SCENES + at) for at, scene in enumerate(drawn)]
    target = _chunk_file(folder, recipe, number)
    stacked: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    np.savez(part := target.with_suffix(".part.npz"), **stacked)
    part.rename(target)
