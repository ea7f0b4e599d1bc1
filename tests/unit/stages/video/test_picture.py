from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image

from mmpipe.stages.video import picture

ROTATIONS = {  # matrices as in ISO/IEC 14496-12 and what Pillow calls the turn they mean
    (1, 0, 0, 1): None,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


@pytest.mark.parametrize("matrix", ROTATIONS)
def test_a_display_matrix_turns_as_pillow_does(matrix: picture.Matrix) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8)
    turn = ROTATIONS[matrix]
    expected = Image.fromarray(pixels) if turn is None else Image.fromarray(pixels).transpose(turn)
    assert np.array_equal(picture.turned(pixels, matrix), np.asarray(expected))


@pytest.mark.parametrize(
    ("width", "height", "aspect", "expected"),
    [
        (1920, 1080, 1.0, (399, 224)),
        (1080, 1920, 1.0, (224, 399)),
        (224, 224, 1.0, (224, 224)),
        (720, 576, 16 / 15, (299, 224)),
        (576, 720, 5 / 4, (224, 224)),
    ],
)
def test_the_short_edge_gets_the_size(width: int, height: int, aspect: float, expected: tuple[int, int]) -> None:
    assert picture.scaled(width, height, 224, aspect) == expected


def test_pixels_that_are_not_square_are_stretched() -> None:
    pixels = np.zeros((64, 32, 3), np.uint8)
    pixels[:, :16] = 255
    square = picture.square(av.VideoFrame.from_ndarray(pixels), 64, pixel_aspect=2.0)
    assert square.shape == (64, 64, 3)
    assert square[:, :28].min() > 250
    assert square[:, 36:].max() < 5
