"""Scenes as pictures: an antialiased thing on a textured ground, in some light, with some noise.

A :class:`Pose` says where the thing stands; :mod:`.films` moves it, :mod:`.depths` measures it.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from mmpipe.models.tiny.shapes import SHAPES, Polygon
from mmpipe.models.tiny.world import Colour, Pattern, Scene, Size
from mmpipe.records import Floats, Pixels

type Canvas = Floats  # float32 [height, width, 3], 0 black to 255 white

HUES: Mapping[Colour, tuple[float, float, float]] = MappingProxyType(
    {
        Colour.RED: (0.995, 0.92, 0.85),
        Colour.ORANGE: (0.078, 0.95, 0.97),
        Colour.YELLOW: (0.155, 0.9, 0.97),
        Colour.GREEN: (0.35, 0.8, 0.68),
        Colour.BLUE: (0.605, 0.88, 0.85),
        Colour.PURPLE: (0.765, 0.72, 0.68),
        Colour.PINK: (0.905, 0.48, 0.99),
        Colour.WHITE: (0.12, 0.03, 0.97),
    }
)
"""Hue, saturation and value of each colour, all in [0, 1]."""

RADII: Mapping[Size, float] = MappingProxyType({Size.SMALL: 0.15, Size.MEDIUM: 0.245, Size.LARGE: 0.38})
"""Half the extent of the thing, as a fraction of the shorter side of the picture."""

REPEATS = 1.9
"""How often a pattern repeats per half extent of the thing."""

_SHIFT = 4  # OpenCV's polygons take fixed-point corners with this many fractional bits


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the thing is: its centre and half extent in pixels, and its turn in radians (clockwise)."""

    x: float
    y: float
    radius: float
    turn: float


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What stays the same through a film: the empty ground, the two paints (RGB, 0..255) and the pattern's phase."""

    ground: Canvas
    paint: Floats
    shade: Floats
    phase: tuple[float, float]


def render(scene: Scene, rng: np.random.Generator, height: int = 224, width: int = 224) -> Pixels:
    """A picture of the scene: uint8 [height, width, 3] RGB, the thing wholly inside the centre square."""
    setting = random_setting(scene, rng, height, width)
    return expose(paint(scene, random_pose(scene, rng, height, width), setting), rng)


def random_pose(scene: Scene, rng: np.random.Generator, height: int, width: int) -> Pose:
    """Anywhere the thing fits into the centre square, slightly turned, its size within 7 % of the norm."""
    side = min(height, width)
    radius = RADII[scene.size] * side * float(rng.uniform(0.93, 1.07))
    slack = max(side / 2 - 1.05 * radius, 0.0)
    x, y = rng.uniform(-slack, slack, 2)
    return Pose(width / 2 + float(x), height / 2 + float(y), radius, float(rng.normal(0, 0.12)))


def random_setting(scene: Scene, rng: np.random.Generator, height: int, width: int) -> Setting:
    """A ground with clutter, and paints close to the scene's colour."""
    hue, saturation, value = HUES[scene.colour]
    jittered = ((hue + rng.normal(0, 0.008)) % 1, saturation * rng.uniform(0.92, 1.05), value * rng.uniform(0.9, 1.0))
    tint = np.array(colorsys.hsv_to_rgb(*(min(float(part), 1.0) for part in jittered)), np.float32) * 255
    ground = _clutter(_ground(rng, height, width), rng)
    return Setting(ground, tint, tint * np.float32(rng.uniform(0.25, 0.4)), tuple(rng.uniform(0, 1, 2)))


def paint(scene: Scene, pose: Pose, setting: Setting) -> Canvas:
    """The thing painted over the ground; the ground itself is left alone."""
    canvas = setting.ground.copy()
    shape = SHAPES[scene.kind]
    window = _window(pose, canvas.shape[:2])
    view = canvas[window]
    offset = (window[1].start, window[0].start)
    skin = _skin(scene.pattern, pose, setting, offset, view.shape[:2])
    outline = coverage(shape.parts, pose, view.shape[:2], offset)
    _blend(view, setting.shade * np.float32(0.5), coverage(shape.parts, pose, view.shape[:2], offset, grow=1.06))
    _blend(view, skin, outline)
    _blend(view, setting.shade * np.float32(0.5), coverage(shape.details, pose, view.shape[:2], offset))
    return canvas


def expose(canvas: Canvas, rng: np.random.Generator) -> Pixels:
    """A canvas as a camera takes it: uneven light, exposure, noise. uint8, same height and width."""
    height, width = canvas.shape[:2]
    across, down = rng.uniform(-0.15, 0.15, 2)
    light = 1 + across * np.linspace(-1, 1, width)[None, :, None] + down * np.linspace(-1, 1, height)[:, None, None]
    noise = rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0.5, 8))
    lit = canvas * (light * rng.uniform(0.8, 1.12)).astype(np.float32) + noise
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def coverage(
    polygons: tuple[Polygon, ...],
    pose: Pose,
    size: tuple[int, int],
    offset: tuple[int, int] = (0, 0),
    grow: float = 1.0,
) -> Floats:
    """How much of each pixel the polygons cover, 0 to 1: float32 [height, width] of the window at ``offset`` (x, y)."""
    mask = np.zeros(size, np.uint8)
    cos, sin = np.cos(pose.turn) * pose.radius, np.sin(pose.turn) * pose.radius
    to_pixels = np.array([[cos, sin], [-sin, cos]])
    centre = np.array([pose.x - offset[0], pose.y - offset[1]])
    for corners in polygons:
        points = np.round(((corners * grow) @ to_pixels + centre) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(mask, [points], (255,), cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) / np.float32(255)


def _window(pose: Pose, size: tuple[int, int]) -> tuple[slice, slice]:
    reach = pose.radius * 1.5 + 2
    top, left = max(int(pose.y - reach), 0), max(int(pose.x - reach), 0)
    return slice(top, min(int(pose.y + reach) + 1, size[0])), slice(left, min(int(pose.x + reach) + 1, size[1]))


def _blend(view: Canvas, colour: Floats, mask: Floats) -> None:
    view += (colour - view) * mask[:, :, None]


def _skin(pattern: Pattern, pose: Pose, setting: Setting, offset: tuple[int, int], size: tuple[int, int]) -> Canvas:
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float32)
    dx, dy = (xs + offset[0] - pose.x) / pose.radius, (ys + offset[1] - pose.y) / pose.radius
    u = dx * np.cos(pose.turn) + dy * np.sin(pose.turn)
    v = dy * np.cos(pose.turn) - dx * np.sin(pose.turn)
    marks = _marks(pattern, u, v, setting.phase)[:, :, None]
    relief = (1.05 - 0.25 * (u * u + v * v) * 0.6)[:, :, None]
    return np.asarray((setting.paint + (setting.shade - setting.paint) * marks) * relief, np.float32)


def _marks(pattern: Pattern, u: NDArray[np.floating], v: NDArray[np.floating], phase: tuple[float, float]) -> Floats:
    """Where the darker shade goes, 0 to 1, with soft edges; about four repeats across the thing."""
    across, down = np.sin(2 * np.pi * (REPEATS * u + phase[0])), np.sin(2 * np.pi * (REPEATS * v + phase[1]))
    fields = {
        Pattern.PLAIN: np.full_like(u, -1),
        Pattern.STRIPED: np.sin(2 * np.pi * (REPEATS * (v + 0.25 * u) + phase[0])),
        Pattern.DOTTED: across + down - 0.75,
        Pattern.CHECKED: across * down * 2,
    }
    return np.asarray(np.clip(fields[pattern] * 4 + 0.5, 0, 1), np.float32)


def _ground(rng: np.random.Generator, height: int, width: int) -> Canvas:
    corners = rng.uniform(25, 165, (2, 2, 1)) + rng.uniform(-14, 14, (2, 2, 3))
    smooth = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grain = int(rng.integers(3, 24))
    texture = rng.standard_normal((grain, grain, 1), np.float32) * np.float32(rng.uniform(2, 16))
    return smooth + cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]


def _clutter(ground: Canvas, rng: np.random.Generator) -> Canvas:
    height, width = ground.shape[:2]
    for _ in range(int(rng.integers(0, 5))):
        grey = float(rng.uniform(30, 150))
        ends = (rng.uniform(0, 1, (2, 2)) * (width, height)).astype(int)
        cv2.line(
            ground,
            ends[0].tolist(),
            ends[1].tolist(),
            (grey, grey, grey),
            int(rng.integers(1, max(height // 40, 2) + 1)),
            cv2.LINE_AA,
        )
    return ground
