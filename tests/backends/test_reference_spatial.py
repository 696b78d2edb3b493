"""The reference backend against arithmetic by hand: poolings, blur, nailbed and mirror."""

from __future__ import annotations

import math

import numpy as np
from by_hand import LN2, NINE, assert_close, gradient, on_map

from netspec.ir.ops import AvgPool, Blur, MaxPool, Mirror, Nailbed
from netspec.ir.window import Pad, Window


def test_maxpool_with_an_overhang() -> None:
    assert_close(on_map(MaxPool(Window((2, 2), (2, 2), rounding="up")), NINE), [[5, 6], [8, 9]])


def test_maxpool_ignores_its_padding() -> None:
    # Each window has one pixel of the image, all of which are below 0, the value of a convolution's padding.
    op = MaxPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1)))
    assert_close(on_map(op, [[-1, -2], [-3, -4]]), [[-1, -2], [-3, -4]])


def test_maxpool_gives_the_gradient_to_the_first_of_equal_pixels() -> None:
    gradients = gradient(MaxPool(Window((2, 2))), [[[[1, 1], [1, 1]]]], seed=[[[[7]]]])
    assert_close(gradients.inputs[0], [[[[7, 0], [0, 0]]]])
    gradients = gradient(MaxPool(Window((1, 2))), [[[[2, 2, 2]]]], seed=[[[[10, 1]]]])
    assert_close(gradients.inputs[0], [[[[10, 1, 0]]]])
    gradients = gradient(MaxPool(Window((1, 2))), [[[[1, 3, 2]]]], seed=[[[[10, 1]]]])
    assert_close(gradients.inputs[0], [[[[0, 11, 0]]]])


def test_avgpool_divides_by_the_pixels_without_padding() -> None:
    # (1+2+4+5)/4, (3+6)/2, (7+8)/2, 9/1.
    op = AvgPool(Window((2, 2), (2, 2), rounding="up"))
    assert_close(on_map(op, NINE), [[3, 4.5], [7.5, 9]])
    assert_close(
        gradient(op, [[NINE]], seed=[[[[4, 2], [20, 100]]]]).inputs[0],
        [[[[1, 1, 1], [1, 1, 1], [10, 10, 100]]]],
    )
    padded = AvgPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1)))
    assert_close(on_map(padded, [[1, 2], [3, 4]]), [[1, 2], [3, 4]])


# The standard deviation for which exp(-1 / (2 stdev^2)) = 1/2.
HALVING = math.sqrt(1 / (2 * LN2))


def test_blur_spreads_by_rows_and_columns() -> None:
    # Weights 1/2, 1, 1/2, divided by their sum: 1/4, 1/2, 1/4.
    spread = on_map(Blur(3, HALVING), [[0, 0, 0], [0, 16, 0], [0, 0, 0]])
    assert_close(spread, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_blur_pads_with_zeros() -> None:
    assert_close(on_map(Blur(3, HALVING), np.full((3, 3), 16)), [[9, 12, 9], [12, 16, 12], [9, 12, 9]])


def test_even_blur_reaches_further_up_and_left() -> None:
    # Weights 1/3 for the pixel before and 2/3 for the pixel itself, so that the image moves right and down.
    assert_close(on_map(Blur(2, HALVING), [[9, 0], [0, 0]]), [[4, 2], [2, 1]])


def test_nailbed_keeps_centred_pixels() -> None:
    # 5 rows: 3 of them, from (5 - 4) // 2 = 0 on; 4 columns: 2 of them, from (4 - 2) // 2 = 1 on.
    grid = [[10 * row + column for column in range(4)] for row in range(5)]
    assert_close(on_map(Nailbed(2), grid), [[1, 3], [21, 23], [41, 43]])
    x_gradient = gradient(Nailbed(2), [[[[1, 2], [3, 4]]]], seed=[[[[5]]]]).inputs[0]  # (2 - 0) // 2 = 1
    assert_close(x_gradient, [[[[0, 0], [0, 5]]]])


def test_mirror() -> None:
    assert_close(on_map(Mirror(), [[1, 2, 3], [4, 5, 6]]), [[3, 2, 1], [6, 5, 4]])
