"""The reference backend against arithmetic by hand: normalisations and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import array, assert_close, gradient, on_channels, on_map, reference, value

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm


def test_lrn_over_three_channels() -> None:
    # Sums of squares 1+4, 1+4+9, 4+9; k and alpha are 1.
    assert_close(on_channels(Lrn(3, 1, 1, 1), [1, 2, 3]), [1 / 6, 2 / 15, 3 / 14])


def test_even_lrn_window_reaches_to_lower_channels() -> None:
    # Sums of squares 1, 1+4, 4+9.
    assert_close(on_channels(Lrn(2, 1, 1, 1), [1, 2, 3]), [1 / 2, 2 / 6, 3 / 14])


def test_lrn_windows_stay_in_their_group() -> None:
    assert_close(on_channels(Lrn(3, 1, 1, 1, groups=2), [1, 2, 3, 4]), [1 / 6, 2 / 6, 3 / 26, 4 / 26])
    assert_close(on_channels(Lrn(3, 1, 1, 1), [1, 2, 3, 4]), [1 / 6, 2 / 15, 3 / 30, 4 / 26])


def test_lrn_constants_and_gradient() -> None:
    # (2 + 4/2)^-2 = 1/16; the derivative of x / (1 + x^2) is (1 - x^2) / (1 + x^2)^2.
    assert_close(on_channels(Lrn(5, 2, 0.5, 2), [2]), [2 / 16])
    assert_close(gradient(Lrn(5, 1, 1, 1), [[[[2]]]], seed=[[[[1]]]]).inputs[0], [[[[-3 / 25]]]])


def test_mapnorm_within_one_map() -> None:
    nine = on_map(MapNorm(3, 1, 1, 1), np.ones((3, 3)))
    assert_close(nine, [[1 / 5, 1 / 7, 1 / 5], [1 / 7, 1 / 10, 1 / 7], [1 / 5, 1 / 7, 1 / 5]])
    # An even window reaches up and left: sums 1, 1+4, 1+9, 1+4+9+16.
    assert_close(on_map(MapNorm(2, 1, 1, 1), [[1, 2], [3, 4]]), [[1 / 2, 2 / 6], [3 / 11, 4 / 31]])
    # Channels are normalised separately.
    assert_close(value(MapNorm(1, 1, 1, 1), [[[[1]], [[2]]]]).ravel(), [1 / 2, 2 / 5])


def test_contrastnorm_divides_by_the_local_contrast() -> None:
    # Means over windows up and left: 1, (1+3)/2, (1+5)/2, (1+3+5+7)/4; differences 0, 1, 2, 3;
    # sums of their squares 0, 0+1, 0+4, 0+1+4+9.
    assert_close(on_map(ContrastNorm(2, 1, 1, 1), [[1, 3], [5, 7]]), [[1, 3 / 2], [5 / 5, 7 / 15]])


# Mean 4, biased variance (9 + 1 + 1 + 9) / 4 = 5, unbiased variance 20 / 3.
BATCH = [[[[1, 3]]], [[[5, 7]]]]


def statistics(mean: float, variance: float) -> Any:
    return reference.Statistics(array([mean]), array([variance]))


def test_batchnorm_in_training() -> None:
    # Standard deviation sqrt(5 + 4) = 3: -1, -1/3, 1/3, 1. The affine layer multiplies by 6 and adds 1.
    plain = BatchNorm(eps=4, momentum=0.1, affine=False)
    assert_close(value(plain, BATCH, training=True, statistics=statistics(0, 1)).ravel(), [-1, -1 / 3, 1 / 3, 1])
    affine = BatchNorm(eps=4, momentum=0.1)
    arguments: dict[str, Any] = {"params": ([6], [1]), "training": True, "statistics": statistics(0, 1)}
    assert_close(value(affine, BATCH, **arguments).ravel(), [-5, -1, 3, 7])
    assert_close(value(affine, [[1], [3], [5], [7]], **arguments).ravel(), [-5, -1, 3, 7])


def test_batchnorm_outside_training() -> None:
    # (x - 2) / sqrt(12 + 4).
    op = BatchNorm(eps=4, momentum=0.1, affine=False)
    assert_close(value(op, BATCH, statistics=statistics(2, 12)).ravel(), [-1 / 4, 1 / 4, 3 / 4, 5 / 4])
    gradients = gradient(op, BATCH, statistics=statistics(2, 12), seed=BATCH)
    assert_close(gradients.inputs[0].ravel(), [1 / 4, 3 / 4, 5 / 4, 7 / 4])


# Two channels of two pixels. At the pixels the means are 2 and 6, and the variances 1; in the channels 3 and 5, and 4;
# over all four numbers 4, and (9 + 1 + 1 + 9) / 4 = 5.
MAPS = [[[[1, 5]], [[3, 7]]]]


def test_layernorm_of_the_channels_at_each_position() -> None:
    # Standard deviation sqrt(1 + 8) = 3; in groups of one channel nothing is left.
    assert_close(value(LayerNorm(eps=8, affine=False), MAPS).ravel(), [-1 / 3, -1 / 3, 1 / 3, 1 / 3])
    assert_close(value(LayerNorm(eps=8), MAPS, params=([3, 6], [0, 1])).ravel(), [-1, -1, 3, 3])
    assert_close(value(LayerNorm(eps=8, groups=2, affine=False), MAPS).ravel(), [0, 0, 0, 0])


def test_groupnorm_over_all_positions() -> None:
    # Standard deviation sqrt(5 + 4) = 3 of all numbers, sqrt(4 + 5) = 3 of each channel.
    assert_close(value(GroupNorm(eps=4, affine=False), MAPS).ravel(), [-1, 1 / 3, -1 / 3, 1])
    assert_close(value(GroupNorm(eps=4), MAPS, params=([3, 6], [1, 0])).ravel(), [-2, 2, -2, 6])
    assert_close(value(GroupNorm(eps=5, groups=2, affine=False), MAPS).ravel(), [-2 / 3, 2 / 3, -2 / 3, 2 / 3])


@pytest.mark.parametrize("kind", [LayerNorm, GroupNorm])
def test_vector_is_normalised_over_its_units(kind: type[GroupNorm]) -> None:
    assert_close(value(kind(eps=4, affine=False), [[1, 5, 3, 7]]), [[-1, 1 / 3, -1 / 3, 1]])
    assert_close(value(kind(eps=5, groups=2, affine=False), [[1, 5, 3, 7]]), [[-2 / 3, 2 / 3, -2 / 3, 2 / 3]])


@pytest.mark.parametrize(
    ("over", "mask", "expected"),
    [
        ("channels", [[[[1]], [[0]]]], [2, 10, 0, 0]),
        ("images", [[[[1]]]], [2, 10, 6, 14]),
        ("images", [[[[0]]]], [0, 0, 0, 0]),
    ],
)
def test_dropout_of_whole_channels_and_images(over: Any, mask: Any, expected: list[float]) -> None:
    op, arguments = Dropout(0.5, "train", over), {"training": True, "drawn": array(mask)}
    assert_close(value(op, MAPS, **arguments).ravel(), expected)
    assert_close(gradient(op, MAPS, seed=MAPS, **arguments).inputs[0].ravel(), expected)


@pytest.mark.parametrize(
    ("scaling", "training", "expected"),
    [("train", True, [4, 0]), ("train", False, [1, 2]), ("test", True, [1, 0]), ("test", False, [0.25, 0.5])],
)
def test_dropout_scales_in_training_or_at_test(scaling: Any, training: bool, expected: list[float]) -> None:
    arguments: dict[str, Any] = {"training": training, "drawn": array([[1, 0]])}
    op = Dropout(0.75, scaling)
    assert_close(value(op, [[1, 2]], **arguments), [expected])
    assert_close(gradient(op, [[1, 2]], seed=[[1, 2]], **arguments).inputs[0], [expected])
