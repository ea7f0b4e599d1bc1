import numpy as np

from mmpipe.cli.page.relief import legend, relief

# The ends of viridis as published (matplotlib's _viridis_data), in 8 bits.
YELLOW, VIOLET = (253, 231, 37), (68, 1, 84)
GREY = (150, 150, 150)


def _ramp() -> np.ndarray:
    return np.tile(np.linspace(1, 3, 201, dtype=np.float32), (50, 1))


def test_near_is_yellow_and_far_is_violet() -> None:
    drawn = relief(_ramp(), 384)
    assert drawn is not None
    assert np.allclose(drawn.pixels[0, 0], YELLOW, atol=2)
    assert np.allclose(drawn.pixels[0, -1], VIOLET, atol=2)


def test_the_legend_names_the_2nd_and_98th_percentile() -> None:
    drawn = relief(_ramp(), 384)
    assert drawn is not None
    assert (round(drawn.near_m, 2), round(drawn.far_m, 2)) == (1.04, 2.96)


def test_the_legend_runs_from_near_to_far() -> None:
    colours = legend()[0]
    assert np.allclose(colours[0], YELLOW, atol=2)
    assert np.allclose(colours[-1], VIOLET, atol=2)


def test_unknown_pixels_are_grey_and_counted() -> None:
    depth = _ramp()
    depth[:10] = np.nan
    drawn = relief(depth, 384)
    assert drawn is not None
    assert (drawn.pixels[:10] == GREY).all()
    assert drawn.unknown == 0.2


def test_a_map_that_knows_nothing_is_not_drawn() -> None:
    assert relief(np.full((8, 8), np.nan, np.float32), 384) is None


def test_a_flat_wall_is_drawn() -> None:
    drawn = relief(np.full((8, 8), 2, np.float32), 384)
    assert drawn is not None
    assert (drawn.near_m, drawn.far_m) == (2, 2)


def test_a_large_map_is_thinned_and_its_shape_kept() -> None:
    drawn = relief(np.ones((1000, 2000), np.float32), 384)
    assert drawn is not None
    assert drawn.pixels.shape == (192, 384, 3)


def test_thinning_invents_no_depth_between_near_and_far() -> None:
    edge = np.where(np.arange(2000) < 999, 1, 9).astype(np.float32)
    drawn = relief(np.tile(edge, (1000, 1)), 384)
    assert drawn is not None
    assert len(np.unique(drawn.pixels.reshape(-1, 3), axis=0)) == 2
