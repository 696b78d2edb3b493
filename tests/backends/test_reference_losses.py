"""The reference backend by hand, values and a few gradients: losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import LN2, LN3, LN5, close, gradient, value

from netspec.ir.ops import BinaryCrossEntropy, CauchyError, CrossEntropy, Op, SquaredError, SumSquares


def labelled(op: Op, scores: Any, labels: list[int]) -> float:
    found = value(op, scores, labels=np.array(labels))
    assert found.shape == ()
    return float(found)


def test_cross_entropy() -> None:
    # e^x is 1, 2, 5 and the class has 2/8; of three equal scores each has 1/3. The mean of log 4 and log 3.
    scores = [[0, LN2, LN5], [7, 7, 7]]
    assert labelled(CrossEntropy(), scores, [1, 0]) == pytest.approx((2 * LN2 + LN3) / 2, rel=1e-14)
    found = gradient(CrossEntropy(), scores, labels=np.array([1, 0]), seed=1).inputs[0]
    close(found, [[1 / 16, -6 / 16, 5 / 16], [-1 / 3, 1 / 6, 1 / 6]])


def test_cross_entropy_of_large_scores() -> None:
    assert labelled(CrossEntropy(), [[1000, 0]], [1]) == 1000


def test_binary_cross_entropy() -> None:
    # p is 1/2 and 3/4: -log(1/2) for the class, -log(1 - 3/4) for the other.
    assert labelled(BinaryCrossEntropy(), [[0, LN3]], [0]) == pytest.approx(3 * LN2, rel=1e-14)
    assert labelled(BinaryCrossEntropy(), [[-1000, 1000]], [0]) == 2000
    found = gradient(BinaryCrossEntropy(), [[0, LN3]], labels=np.array([0]), seed=2).inputs[0]
    close(found, [[-1, 3 / 2]])


def test_the_class_may_weigh_more_in_a_binary_cross_entropy() -> None:
    # As above: -3 log(1/2) for the class, -log(1 - 3/4) for the other. By x: -3 (1 - 1/2) and 3/4.
    op = BinaryCrossEntropy(positive=3.0)
    assert labelled(op, [[0, LN3]], [0]) == pytest.approx(5 * LN2, rel=1e-14)
    close(gradient(op, [[0, LN3]], labels=np.array([0]), seed=1).inputs[0], [[-3 / 2, 3 / 4]])


def test_cauchy_error() -> None:
    # log(1 + (2-1)^2) + log(1 + 2^2); by x: 2 / (1 + 1) and 4 / (1 + 4).
    assert labelled(CauchyError(), [[2, 2]], [0]) == pytest.approx(LN2 + LN5, rel=1e-14)
    close(gradient(CauchyError(), [[2, 2]], labels=np.array([0]), seed=1).inputs[0], [[1, 4 / 5]])


def test_sum_of_squares_of_any_value_and_whatever_class() -> None:
    assert value(SumSquares(), [[[[1, 2]], [[3, 4]]], [[[0, 0]], [[0, 2]]]]) == (30 + 4) / 2
    close(gradient(SumSquares(), [[1, -3], [0, 2]], seed=1).inputs[0], [[1, -3], [0, 2]])


def test_squared_error() -> None:
    # (2-1)^2 + 1^2 = 2 and 0^2 + (3-1)^2 = 4.
    assert labelled(SquaredError(), [[2, 1], [0, 3]], [0, 1]) == 3
    found = gradient(SquaredError(), [[2, 1], [0, 3]], labels=np.array([0, 1]), seed=1).inputs[0]
    close(found, [[1, 1], [0, 2]])


def test_a_loss_is_not_weighted_here() -> None:
    assert labelled(SquaredError(weight=0.3), [[2, 1]], [0]) == 2
