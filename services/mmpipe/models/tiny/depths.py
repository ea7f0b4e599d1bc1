"""Scenes as depth maps: the thing in metres, before a wall and over a floor, with the holes of a sensor."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np

from mmpipe.models.tiny import pictures
from mmpipe.models.tiny.pictures import Pose
from mmpipe.models.tiny.shapes import SHAPES
from mmpipe.models.tiny.world import Distance, Scene
from mmpipe.records import Floats

METRES: Mapping[Distance, tuple[float, float]] = MappingProxyType({Distance.NEAR: (0.8, 1.8), Distance.FAR: (3.5, 6.0)})
"""How far away things stand, as a range per distance."""


def render(scene: Scene, rng: np.random.Generator, height: int = 160, width: int = 160) -> Floats:
    """A depth map of the scene: float32 [height, width] metres, NaN where the sensor saw nothing."""
    metres = float(rng.uniform(*METRES[scene.distance]))
    room = _room(metres, rng, height, width)
    pose = pictures.random_pose(scene, rng, height, width)
    inside = pictures.coverage(SHAPES[scene.kind].parts, pose, (height, width)) > 0.5  # noqa: PLR2004 - half a pixel
    seen = np.where(inside, _relief(metres, pose, height, width), room)
    noisy = seen * (1 + rng.standard_normal(seen.shape, np.float32) * np.float32(rng.uniform(0.001, 0.01)))
    return _with_holes(np.asarray(noisy, np.float32), rng)


def _room(metres: float, rng: np.random.Generator, height: int, width: int) -> Floats:
    """A wall behind the thing, nearer along a floor towards the bottom edge; never nearer than the thing is."""
    wall = metres * rng.uniform(1.35, 1.6) + rng.uniform(0.4, 1.5)
    tilt = 1 + rng.uniform(-0.06, 0.06) * np.linspace(-1, 1, width)[None, :]
    floor = np.linspace(0, 1, height)[:, None] - rng.uniform(0.5, 0.8)
    nearer = 1 - rng.uniform(0.1, 0.45) * np.clip(floor, 0, None)
    return np.asarray(wall * tilt * nearer, np.float32)


def _relief(metres: float, pose: Pose, height: int, width: int) -> Floats:
    """The thing's own surface: bulging towards the camera by up to 4 % of its distance."""
    ys, xs = np.mgrid[:height, :width]
    radial = ((xs - pose.x) ** 2 + (ys - pose.y) ** 2) / pose.radius**2
    return np.asarray(metres * (0.98 + 0.02 * np.clip(radial, 0, 2)), np.float32)


def _with_holes(depth: Floats, rng: np.random.Generator) -> Floats:
    """Unknown patches, and unknown pixels along edges where the sensor's two views disagree."""
    height, width = depth.shape
    for _ in range(int(rng.integers(0, 5))):
        centre = (rng.uniform(0, 1, 2) * (width, height)).astype(int).tolist()
        axes = (rng.uniform(0.01, 0.06, 2) * min(height, width)).astype(int).tolist()
        cv2.ellipse(depth, centre, axes, float(rng.uniform(0, 180)), 0, 360, (np.nan,), -1)
    edges = np.abs(np.diff(depth, axis=1, append=depth[:, -1:])) > 0.1 * depth
    depth[edges & (rng.random(depth.shape) < rng.uniform(0, 0.9))] = np.nan
    return depth
