"""The reference backend against arithmetic by hand: fixed functions of an image."""

from __future__ import annotations

import math

import pytest
from by_hand import LN2, NINE, assert_close, gradient, on_channels, on_map, on_vector, value

from netspec.ir import ops
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window


def test_sumpool_adds_up_pixels_without_padding() -> None:
    # 1+2+4+5, 3+6, 7+8, 9.
    op = ops.SumPool(Window((2, 2), (2, 2), rounding="up"))
    assert_close(on_map(op, NINE), [[12, 9], [15, 9]])
    assert_close(
        gradient(op, [[NINE]], seed=[[[[1, 2], [3, 4]]]]).inputs[0],
        [[[[1, 1, 2], [1, 1, 2], [3, 3, 4]]]],
    )
    assert_close(on_map(ops.SumPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1))), [[1, 2], [3, 4]]), [[1, 2], [3, 4]])


def test_maxabspool_keeps_the_sign() -> None:
    op = ops.MaxAbsPool(Window((2, 2), (2, 2), rounding="up"))
    assert_close(on_map(op, [[1, -5, -3], [4, 2, 6], [-7, 0, -9]]), [[-5, 6], [-7, -9]])


@pytest.mark.parametrize(
    ("pixels", "chosen"), [([[1, -3], [3, 2]], 3), ([[3, -3], [1, 2]], -3), ([[-3, 0], [0, 3]], 3)]
)
def test_maxabspool_takes_the_last_of_equal_magnitudes(pixels: list[list[int]], chosen: int) -> None:
    assert_close(on_map(ops.MaxAbsPool(Window((2, 2))), pixels), [[chosen]])


def test_maxabspool_gives_the_gradient_to_the_chosen_pixel() -> None:
    gradients = gradient(ops.MaxAbsPool(Window((1, 2))), [[[[2, -2, 1]]]], seed=[[[[10, 1]]]])
    assert_close(gradients.inputs[0], [[[[0, 11, 0]]]])
    padded = gradient(ops.MaxAbsPool(Window((1, 2), pad=Pad(1, 1, 0, 0))), [[[[0, 0]]]], seed=[[[[1, 2, 3]]]])
    assert_close(padded.inputs[0], [[[[1, 5]]]])


def test_crop() -> None:
    assert_close(on_map(ops.Crop(1, 0, 2, 2), NINE), [[4, 5], [7, 8]])
    assert_close(
        gradient(ops.Crop(1, 0, 1, 2), [[NINE]], seed=[[[[1, 2]]]]).inputs[0], [[[[0, 0, 0], [1, 2, 0], [0, 0, 0]]]]
    )


def test_zeropad() -> None:
    op = ops.ZeroPad(Pad(left=1, right=0, top=0, bottom=2))
    assert_close(on_map(op, [[1, 2], [3, 4]]), [[0, 1, 2], [0, 3, 4], [0, 0, 0], [0, 0, 0]])
    assert_close(gradient(op, [[[[7]]]], seed=[[[[1, 2], [3, 4], [5, 6]]]]).inputs[0], [[[[2]]]])


def test_resize_samples_are_centred() -> None:
    # 4 columns in steps of 2: at 0 and 2. 5 columns: two samples from (5 - 4) / 2 on, at 0.5 and 2.5.
    assert_close(on_map(ops.Resize(2), [[0, 1, 2, 3], [40, 41, 42, 43]]), [[0, 2]])
    assert_close(on_map(ops.Resize(2), [[0, 1, 2, 3, 40], [0, 1, 2, 3, 40]]), [[0.5, 2.5]])
    # 2 columns in steps of 1/2: at 0 and 0.5; 1 and 1.5 are clipped to 2 - 1.01 = 0.99.
    assert_close(on_map(ops.Resize(0.5), [[0, 100], [0, 100]])[0], [0, 50, 99, 99])
    # 3 rows in steps of 1.5: at 0 and 1.5, between the second and third; the same for columns.
    assert_close(on_map(ops.Resize(1.5), NINE), [[1, 2.5], [5.5, 7]])


def test_white_has_full_lightness_and_no_chroma() -> None:
    white, black = [1, 1, 1], [0, 0, 0]
    assert_close(on_channels(ops.ColourSpace("yuv"), white), [1, 0, 0], atol=1e-12)
    assert_close(on_channels(ops.ColourSpace("yuv"), black), [0, 0, 0])
    assert_close(on_channels(ops.ColourSpace("lab"), white), [100, 0, 0], atol=1e-12)
    assert_close(on_channels(ops.ColourSpace("lab"), black), [0, 0, 0], atol=1e-6)  # 116 * 0.13793103 - 16
    assert_close(on_channels(ops.ColourSpace("lab", centred=True), white), [50, 0, 0], atol=1e-12)


def test_colours_of_pure_red() -> None:
    assert_close(on_channels(ops.ColourSpace("yuv"), [2, 0, 0]), [2 * 0.2126, 2 * -0.09991, 2 * 0.615])
    x, y, z = 0.49**0.3333, 0.17697**0.3333, 0.13793103
    assert_close(on_channels(ops.ColourSpace("lab"), [1, 0, 0]), [116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_reshape_keeps_the_order_of_numbers() -> None:
    assert_close(value(ops.Reshape(Shape(2, 3, 1)), [[[[1, 2, 3], [4, 5, 6]]]]), [[[[1], [2], [3]], [[4], [5], [6]]]])
    assert_close(value(ops.Reshape(Shape(4)), [[[[1, 2]], [[3, 4]]]]), [[1, 2, 3, 4]])


def test_log() -> None:
    assert_close(on_vector(ops.Log(), [1, math.e, 2]), [0, 1, LN2])
    assert_close(on_vector(ops.Log(1), [0, 1]), [0, LN2])
    assert_close(gradient(ops.Log(1), [[0, 1]], seed=[[1, 1]]).inputs[0], [[1, 0.5]])


def test_upsample_repeats_pixels_or_interpolates_between_them() -> None:
    assert_close(on_map(ops.Upsample((1, 3)), [[1, 2]]), [[1, 1, 1, 2, 2, 2]])
    assert_close(on_map(ops.Upsample((2, 1)), [[1, 2], [3, 4]]), [[1, 2], [1, 2], [3, 4], [3, 4]])
    # The centres of the new pixels are a quarter and three quarters into the old ones, or 1, 3, 5 and 7 eighths.
    assert_close(on_map(ops.Upsample((1, 2), "bilinear"), [[0, 4, 8]]), [[0, 1, 3, 5, 7, 8]])
    assert_close(on_map(ops.Upsample((1, 4), "bilinear"), [[0, 8]]), [[0, 0, 1, 3, 5, 7, 8, 8]])
    # Six pixels from the first to the last: five steps of 2/5.
    assert_close(on_map(ops.Upsample((1, 2), "corners"), [[0, 5, 10]]), [[0, 2, 4, 6, 8, 10]])
    assert_close(on_map(ops.Upsample((3, 1), "corners"), [[7]]), [[7], [7], [7]])


def test_interpolate_samples_at_any_distance() -> None:
    # The centres of five pixels lie at 3/10, 9/10, 15/10, 21/10 and 27/10 of three, less a half.
    assert_close(on_map(ops.Interpolate((1, 5)), [[0, 10, 20]]), [[0, 4, 10, 16, 20]])
    assert_close(on_map(ops.Interpolate((1, 2)), [[0, 10, 20]]), [[2.5, 17.5]])
    assert_close(on_map(ops.Interpolate((1, 5), "corners"), [[0, 10, 20]]), [[0, 5, 10, 15, 20]])
    assert_close(on_map(ops.Interpolate((1, 2), "corners"), [[0, 10, 20]]), [[0, 20]])
    assert_close(on_map(ops.Interpolate((1, 5), "nearest"), [[0, 10, 20]]), [[0, 0, 10, 10, 20]])
    assert_close(on_map(ops.Interpolate((2, 1), "nearest"), [[0], [10], [20]]), [[0], [10]])


def test_binpool_is_over_bins_that_overlap() -> None:
    # Of 5 columns, 0 to 1, 1 to 3 and 3 to 4; of 3 rows, 0 to 1 and 1 to 2.
    rows = [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [10, 11, 12, 13, 14]]
    assert_close(on_map(ops.BinPool((2, 3)), rows), [[0.5, 2, 3.5], [5.5, 7, 8.5]])
    assert_close(on_map(ops.BinPool((1, 4)), [[0, 6, 12]]), [[0, 3, 9, 12]])


def test_borders_are_copied_or_mirrored() -> None:
    assert_close(
        on_map(ops.EdgePad(Pad(2, 1, 0, 1)), [[1, 2], [3, 4]]), [[1, 1, 1, 2, 2], [3, 3, 3, 4, 4], [3, 3, 3, 4, 4]]
    )
    assert_close(
        on_map(ops.ReflectPad(Pad(2, 1, 0, 1)), [[1, 2, 3], [4, 5, 6]]),
        [[3, 2, 1, 2, 3, 2], [6, 5, 4, 5, 6, 5], [3, 2, 1, 2, 3, 2]],
    )
    # Of 1 2 3, each is copied as often as it stands in 3 2 1 2 3 2.
    by_x = gradient(ops.ReflectPad(Pad(2, 1, 0, 0)), [[[[1, 2, 3]]]], seed=[[[[1, 1, 1, 1, 1, 1]]]]).inputs[0]
    assert_close(by_x, [[[[1, 3, 2]]]])
