"""Scenes as films: the picture of :mod:`.pictures` moving as the scene says, with the sound of :mod:`.sounds`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmpipe.models.tiny import pictures, sounds
from mmpipe.models.tiny.pictures import Pose
from mmpipe.models.tiny.world import Motion, Scene
from mmpipe.records import Clip

_HEADINGS = {Motion.LEFT: (-1, 0), Motion.RIGHT: (1, 0), Motion.UP: (0, -1), Motion.DOWN: (0, 1)}


def render(scene: Scene, rng: np.random.Generator, frames: int = 12, side: int = 112, duration_s: float = 3.0) -> Clip:
    """A square film of the scene with its sound; frames evenly spaced from the start, the first at 0 s."""
    setting = pictures.random_setting(scene, rng, side, side)
    poses = path(scene, rng, frames, side)
    light = int(rng.integers(1 << 32))
    pixels = np.stack(
        [pictures.expose(pictures.paint(scene, pose, setting), np.random.default_rng(light)) for pose in poses]
    )
    timestamps_s = (np.arange(frames) * (duration_s / frames)).astype(np.float32)
    return Clip(pixels, timestamps_s, sounds.render(scene, rng, duration_s))


def path(scene: Scene, rng: np.random.Generator, frames: int, side: int) -> list[Pose]:
    """Where the thing is in each frame: along a straight line through its start, on the spot turning, or at rest."""
    start = pictures.random_pose(scene, rng, side, side)
    progress = np.linspace(0, 1, frames)
    if scene.motion is Motion.SPIN:
        turns = progress * rng.uniform(0.7, 1.6) * 2 * np.pi * rng.choice([-1, 1])
        return [replace(start, turn=start.turn + float(turn)) for turn in turns]
    travel = side * rng.uniform(0.28, 0.5) * (progress - rng.uniform(0.35, 0.65))
    heading = _HEADINGS.get(scene.motion, (0, 0))
    return [replace(start, x=start.x + heading[0] * float(way), y=start.y + heading[1] * float(way)) for way in travel]
