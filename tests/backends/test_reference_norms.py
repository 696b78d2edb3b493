"""The reference backend by hand, values and a few gradients: normalisations and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import array, close, gradient, on_channels, on_map, reference, value

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, Lrn, MapNorm


def test_lrn_over_three_channels() -> None:
    # Sums of squares 1+4, 1+4+9, 4+9; k and alpha are 1.
    close(on_channels(Lrn(3, 1, 1, 1), [1, 2, 3]), [1 / 6, 2 / 15, 3 / 14])


def test_lrn_of_even_size_looks_down() -> None:
    # Sums of squares 1, 1+4, 4+9.
    close(on_channels(Lrn(2, 1, 1, 1), [1, 2, 3]), [1 / 2, 2 / 6, 3 / 14])


def test_lrn_stays_in_its_group() -> None:
    close(on_channels(Lrn(3, 1, 1, 1, groups=2), [1, 2, 3, 4]), [1 / 6, 2 / 6, 3 / 26, 4 / 26])
    close(on_channels(Lrn(3, 1, 1, 1), [1, 2, 3, 4]), [1 / 6, 2 / 15, 3 / 30, 4 / 26])


def test_lrn_constants_and_gradient() -> None:
    # (2 + 4/2)^-2 = 1/16; the derivative of x / (1 + x^2) is (1 - x^2) / (1 + x^2)^2.
    close(on_channels(Lrn(5, 2, 0.5, 2), [2]), [2 / 16])
    close(gradient(Lrn(5, 1, 1, 1), [[[[2]]]], seed=[[[[1]]]]).inputs[0], [[[[-3 / 25]]]])


def test_mapnorm_within_one_map() -> None:
    nine = on_map(MapNorm(3, 1, 1, 1), np.ones((3, 3)))
    close(nine, [[1 / 5, 1 / 7, 1 / 5], [1 / 7, 1 / 10, 1 / 7], [1 / 5, 1 / 7, 1 / 5]])
    # An even window looks up and left: sums 1, 1+4, 1+9, 1+4+9+16.
    close(on_map(MapNorm(2, 1, 1, 1), [[1, 2], [3, 4]]), [[1 / 2, 2 / 6], [3 / 11, 4 / 31]])
    # Channels do not see each other.
    close(value(MapNorm(1, 1, 1, 1), [[[[1]], [[2]]]]).ravel(), [1 / 2, 2 / 5])


def test_contrastnorm_divides_x_by_the_contrast_around() -> None:
    # Means of the pixels up and left: 1, (1+3)/2, (1+5)/2, (1+3+5+7)/4; differences 0, 1, 2, 3;
    # their squares' sums 0, 0+1, 0+4, 0+1+4+9.
    close(on_map(ContrastNorm(2, 1, 1, 1), [[1, 3], [5, 7]]), [[1, 3 / 2], [5 / 5, 7 / 15]])


# mean 4, biased variance (9 + 1 + 1 + 9) / 4 = 5, unbiased 20 / 3
BATCH = [[[[1, 3]]], [[[5, 7]]]]


def statistics(mean: float, variance: float) -> Any:
    return reference.Statistics(array([mean]), array([variance]))


def test_batchnorm_in_training() -> None:
    # Deviation sqrt(5 + 4) = 3: -1, -1/3, 1/3, 1; times 6, plus 1.
    plain = BatchNorm(eps=4, momentum=0.1, affine=False)
    close(value(plain, BATCH, training=True, statistics=statistics(0, 1)).ravel(), [-1, -1 / 3, 1 / 3, 1])
    affine = BatchNorm(eps=4, momentum=0.1)
    given: dict[str, Any] = {"params": ([6], [1]), "training": True, "statistics": statistics(0, 1)}
    close(value(affine, BATCH, **given).ravel(), [-5, -1, 3, 7])
    close(value(affine, [[1], [3], [5], [7]], **given).ravel(), [-5, -1, 3, 7])


def test_batchnorm_outside_training() -> None:
    # (x - 2) / sqrt(12 + 4).
    op = BatchNorm(eps=4, momentum=0.1, affine=False)
    close(value(op, BATCH, statistics=statistics(2, 12)).ravel(), [-1 / 4, 1 / 4, 3 / 4, 5 / 4])
    found = gradient(op, BATCH, statistics=statistics(2, 12), seed=BATCH)
    close(found.inputs[0].ravel(), [1 / 4, 3 / 4, 5 / 4, 7 / 4])


@pytest.mark.parametrize(
    ("scaling", "training", "wanted"),
    [("train", True, [4, 0]), ("train", False, [1, 2]), ("test", True, [1, 0]), ("test", False, [0.25, 0.5])],
)
def test_dropout_scales_in_training_or_after(scaling: Any, training: bool, wanted: list[float]) -> None:
    given: dict[str, Any] = {"training": training, "mask": array([[1, 0]])}
    op = Dropout(0.75, scaling)
    close(value(op, [[1, 2]], **given), [wanted])
    close(gradient(op, [[1, 2]], seed=[[1, 2]], **given).inputs[0], [wanted])
