"""Crops that cover whole images, and joining the scores of crops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.shape import Shape
from netspec.passes.score_grid import ScoreGrid
from netspec.train.evaluation.masks.tiling import tiling


def grid_of(size: int, count: int, apart: int) -> ScoreGrid:
    """Return a square grid in the middle of a square input; see ``score_grid``."""
    first = (size - apart * (count - 1) - 1) // 2
    return ScoreGrid(count, count, apart, apart, first, first)


def joined(image: np.ndarray, size: int, grid: ScoreGrid) -> np.ndarray:
    """Return the scores of an image if the only one is the value of the pixel on which it stands."""
    tiles = tiling(*image.shape, Shape(1, size, size), grid)  # type: ignore[call-arg]
    crops = tiles.crops(image[None])
    assert crops.shape[1:] == (1, size, size)
    places = [grid.top + grid.down * k for k in range(grid.rows)]
    return tiles.join(torch.from_numpy(crops[:, :, places][:, :, :, places]))[0].numpy()


@given(
    height=st.integers(9, 40),
    width=st.integers(9, 40),
    margin=st.integers(0, 3),
)
def test_a_network_with_a_score_for_each_pixel_sees_each_once(height: int, width: int, margin: int) -> None:
    image = np.arange(height * width, dtype=np.float32).reshape(height, width)
    assert np.array_equal(joined(image, 9, grid_of(9, 9 - 2 * margin, 1)), image)


@pytest.mark.parametrize(("size", "count", "apart"), [(33, 5, 8), (32, 4, 8), (16, 5, 3), (12, 3, 2)])
def test_scores_are_interpolated_in_between(size: int, count: int, apart: int) -> None:
    """With the column as the score, each pixel gets its own, unless the nearest score of its crop is the last one,
    which is then that of the pixel, and no further from it than half the distance of scores."""
    columns = np.tile(np.arange(3 * size + 1, dtype=np.float32), (size, 1))
    scores = joined(columns, size, grid_of(size, count, apart))
    away = np.abs(scores - columns)[:, apart:-apart]  # the border may have been mirrored
    assert away.max() <= apart // 2 and (away < 1e-5).mean() > 0.6
    assert np.allclose(scores, scores[:1], rtol=0, atol=1e-5)


def test_crops_of_u_net_by_hand() -> None:
    """388 of 572 pixels get a class, from pixel 92 on. 900 pixels take three crops, the last of which begins with pixel
    900 - 388 = 512; the image is mirrored by 92 pixels on each side."""
    tiles = tiling(900, 572, Shape(1, 572, 572), ScoreGrid(388, 388, 1, 1, 92, 92))
    assert tiles.rows.starts == (0, 388, 512) and tiles.columns.starts == (0, 184)
    assert tiles.rows.margins == (92, 92) and len(tiles.places) == 6
    image = np.arange(900, dtype=np.uint16).astype(np.uint8)[None, :, None].repeat(572, axis=2)
    first, *_, last = tiles.crops(image)
    assert first[0, :93, 0].tolist() == image[0, 92::-1, 0].tolist()
    assert last[0, 572 - 93 :, 0].tolist() == image[0, :-94:-1, 0].tolist()


def test_an_image_of_the_input_size_is_one_crop() -> None:
    tiles = tiling(12, 20, Shape(3, 12, 20), ScoreGrid(12, 20, 1, 1, 0, 0))
    image = np.arange(720).astype(np.uint8).reshape(3, 12, 20)
    assert np.array_equal(tiles.crops(image), image[None])


@given(length=st.integers(48, 200))
def test_scores_count_from_an_eighth_of_a_crop_on(length: int) -> None:
    """Each crop says how far its pixels are from its border: joined, that is at least 6 of 48 within the image, and the
    distance from the border of the image near that."""
    away = np.minimum(np.arange(48), 47 - np.arange(48)).astype(np.float32)
    tiles = tiling(48, length, Shape(1, 48, 48), ScoreGrid(48, 48, 1, 1, 0, 0))
    (scores,) = tiles.join(torch.from_numpy(np.tile(away, (len(tiles.places), 1, 48, 1)))).numpy()
    (row, *rest) = scores
    assert all(np.array_equal(row, other) for other in rest)
    assert row[:6].tolist() == row[:-7:-1].tolist() == [0, 1, 2, 3, 4, 5]
    assert row[6:-6].min() >= 6
    assert len(tiles.places) == 1 + max(0, -(-(length - 48) // 36))
