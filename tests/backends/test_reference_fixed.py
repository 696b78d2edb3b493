"""Fixed functions of an image in the reference backend, each number worked out by hand."""

from __future__ import annotations

import math

import pytest
from by_hand import LN2, NINE, close, gradient, on_channels, on_map, on_vector, value

from netspec.ir.ops import ColourSpace, Crop, Log, MaxAbsPool, Reshape, Resize, SumPool, ZeroPad
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window


def test_sumpool_adds_the_real_pixels() -> None:
    # 1+2+4+5, 3+6, 7+8, 9.
    op = SumPool(Window((2, 2), (2, 2), rounding="up"))
    close(on_map(op, NINE), [[12, 9], [15, 9]])
    close(
        gradient(op, [[NINE]], seed=[[[[1, 2], [3, 4]]]]).inputs[0],
        [[[[1, 1, 2], [1, 1, 2], [3, 3, 4]]]],
    )
    close(on_map(SumPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1))), [[1, 2], [3, 4]]), [[1, 2], [3, 4]])


def test_maxabspool_keeps_the_sign() -> None:
    op = MaxAbsPool(Window((2, 2), (2, 2), rounding="up"))
    close(on_map(op, [[1, -5, -3], [4, 2, 6], [-7, 0, -9]]), [[-5, 6], [-7, -9]])


@pytest.mark.parametrize(("pixels", "taken"), [([[1, -3], [3, 2]], 3), ([[3, -3], [1, 2]], -3), ([[-3, 0], [0, 3]], 3)])
def test_of_pixels_equally_far_from_0_the_last_is_taken(pixels: list[list[int]], taken: int) -> None:
    close(on_map(MaxAbsPool(Window((2, 2))), pixels), [[taken]])


def test_the_pixel_that_is_taken_takes_the_gradient() -> None:
    found = gradient(MaxAbsPool(Window((1, 2))), [[[[2, -2, 1]]]], seed=[[[[10, 1]]]])
    close(found.inputs[0], [[[[0, 11, 0]]]])
    padded = gradient(MaxAbsPool(Window((1, 2), pad=Pad(1, 1, 0, 0))), [[[[0, 0]]]], seed=[[[[1, 2, 3]]]])
    close(padded.inputs[0], [[[[1, 5]]]])


def test_crop() -> None:
    close(on_map(Crop(1, 0, 2, 2), NINE), [[4, 5], [7, 8]])
    close(gradient(Crop(1, 0, 1, 2), [[NINE]], seed=[[[[1, 2]]]]).inputs[0], [[[[0, 0, 0], [1, 2, 0], [0, 0, 0]]]])


def test_zeropad() -> None:
    op = ZeroPad(Pad(left=1, right=0, top=0, bottom=2))
    close(on_map(op, [[1, 2], [3, 4]]), [[0, 1, 2], [0, 3, 4], [0, 0, 0], [0, 0, 0]])
    close(gradient(op, [[[[7]]]], seed=[[[[1, 2], [3, 4], [5, 6]]]]).inputs[0], [[[[2]]]])


def test_resize_samples_around_the_middle() -> None:
    # 4 columns in steps of 2: places 0 and 2. 5: 2 places from (5 - 4) / 2, that is 0.5 and 2.5.
    close(on_map(Resize(2), [[0, 1, 2, 3], [40, 41, 42, 43]]), [[0, 2]])
    close(on_map(Resize(2), [[0, 1, 2, 3, 40], [0, 1, 2, 3, 40]]), [[0.5, 2.5]])
    # 2 columns in steps of a half: places 0, 0.5, and 1 and 1.5, which are too near the edge: 2 - 1.01.
    close(on_map(Resize(0.5), [[0, 100], [0, 100]])[0], [0, 50, 99, 99])
    # 3 rows in steps of 1.5 from 0: between the second and the third; columns likewise.
    close(on_map(Resize(1.5), NINE), [[1, 2.5], [5.5, 7]])


def test_white_is_bright_and_has_no_colour() -> None:
    white, black = [1, 1, 1], [0, 0, 0]
    close(on_channels(ColourSpace("yuv"), white), [1, 0, 0], atol=1e-12)
    close(on_channels(ColourSpace("yuv"), black), [0, 0, 0])
    close(on_channels(ColourSpace("lab"), white), [100, 0, 0], atol=1e-12)
    close(on_channels(ColourSpace("lab"), black), [0, 0, 0], atol=1e-6)  # 116 * 0.13793103 - 16
    close(on_channels(ColourSpace("lab", centred=True), white), [50, 0, 0], atol=1e-12)


def test_colours_of_pure_red() -> None:
    close(on_channels(ColourSpace("yuv"), [2, 0, 0]), [2 * 0.2126, 2 * -0.09991, 2 * 0.615])
    x, y, z = 0.49**0.3333, 0.17697**0.3333, 0.13793103
    close(on_channels(ColourSpace("lab"), [1, 0, 0]), [116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_reshape_keeps_the_order() -> None:
    close(value(Reshape(Shape(2, 3, 1)), [[[[1, 2, 3], [4, 5, 6]]]]), [[[[1], [2], [3]], [[4], [5], [6]]]])
    close(value(Reshape(Shape(4)), [[[[1, 2]], [[3, 4]]]]), [[1, 2, 3, 4]])


def test_log() -> None:
    close(on_vector(Log(), [1, math.e, 2]), [0, 1, LN2])
    close(on_vector(Log(1), [0, 1]), [0, LN2])
    close(gradient(Log(1), [[0, 1]], seed=[[1, 1]]).inputs[0], [[1, 0.5]])
