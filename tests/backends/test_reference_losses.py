"""The reference backend by hand, values and a few gradients: losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import LN2, LN3, LN5, close, gradient, value

from netspec.ir.ops import (
    BinaryCrossEntropy,
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    Op,
    SetCrossEntropy,
    SquaredError,
    SumSquares,
    Topographic,
)


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


def test_binary_cross_entropy_of_probabilities() -> None:
    # -3 log(1/2) for the class, -log(1 - 3/4) for the other; by x -3 / (1/2) and 1 / (1/4).
    op = BinaryCrossEntropy(positive=3.0, of="probabilities")
    assert labelled(op, [[1 / 2, 3 / 4]], [0]) == pytest.approx(5 * LN2, rel=1e-14)
    close(gradient(op, [[1 / 2, 3 / 4]], labels=np.array([0]), seed=1).inputs[0], [[-6, 4]])
    # A logarithm counts as -50 at least, and does not change there.
    assert labelled(op, [[0, 1]], [0]) == pytest.approx(200, rel=1e-14)
    close(gradient(op, [[-0.5, 1.5]], labels=np.array([0]), seed=1).inputs[0], [[0, 0]])


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


def test_the_cross_entropy_of_a_set() -> None:
    # e^x is 1, 2, 5: the sets of two weigh 2, 5 and 10, of which class 1 is in 12 of 17, and class 0 in 7.
    op = SetCrossEntropy(size=2)
    assert labelled(op, [[0, LN2, LN5]], [1]) == pytest.approx(np.log(17 / 12), rel=1e-14)
    # The chances are 7/17, 12/17 and 15/17; where class 1 is in the set, 2/12, 1 and 10/12.
    found = gradient(op, [[0, LN2, LN5]], labels=np.array([1]), seed=1).inputs[0]
    close(found, [[7 / 17 - 2 / 12, 12 / 17 - 1, 15 / 17 - 10 / 12]])
    assert labelled(SetCrossEntropy(size=3), [[0, LN2, LN5]], [2]) == pytest.approx(0, abs=1e-14)
    scores = [[0, LN2, LN5], [7, 7, 7]]
    assert labelled(SetCrossEntropy(), scores, [1, 0]) == pytest.approx(labelled(CrossEntropy(), scores, [1, 0]))
    assert labelled(op, [[1000, 0, -1000]], [2]) == pytest.approx(1000)  # the sets weigh e^1000, e^0 and e^-1000


def test_squares_that_a_gate_lets_count() -> None:
    # 0.5 (1 + 4 + 9 + 16) and -2 (0 + 4); by the gate the sums, by x 2 g x, of each image half.
    gate, x = [[0.5], [-2.0]], [[[[1, 2]], [[3, 4]]], [[[0, 0]], [[0, 2]]]]
    assert value(GatedSumSquares(), gate, x) == (15 - 8) / 2
    by_gate, by_x = gradient(GatedSumSquares(), gate, x, seed=1).inputs
    close(by_gate, [[15], [2]])
    close(by_x, [[[[0.5, 1]], [[1.5, 2]]], [[[0, 0]], [[0, -4]]]])


def test_squares_times_the_number_of_the_class() -> None:
    # 3 (1 + 4) and 0 (9 + 16): by x 2 g x, of each image half.
    x = [[1, 2], [3, 4]]
    assert labelled(SumSquares(gate="class"), x, [3, 0]) == 15 / 2
    close(gradient(SumSquares(gate="class"), x, seed=1, labels=np.array([3, 0])).inputs[0], [[3, 6], [0, 0]])


def test_topographic_sparsity() -> None:
    # Windows of 3 in a row: 0 + 9, 0 + 9 + 16, 9 + 16: roots 3, 5, 5. e log(1 + root / e) is taken off each.
    op, x = Topographic(size=3), [[[[0, 3, 4]]]]
    off = sum(0.001 * np.log(1 + 1000 * root) for root in (3, 5, 5))
    assert float(value(op, x)) == pytest.approx(13 - off, rel=1e-14)
    slopes = 1 / 3.001, 1 / 5.001, 1 / 5.001
    close(gradient(op, x, seed=1).inputs[0], [[[[0, 3 * sum(slopes), 4 * (slopes[1] + slopes[2])]]]])


def test_an_even_window_of_topographic_sparsity_reaches_further_to_the_left() -> None:
    # Windows of 2: 0, then 0 + 9, then 9 + 16.
    op, x = Topographic(size=2), [[[[0, 3, 4]]]]
    off = sum(0.001 * np.log(1 + 1000 * root) for root in (0, 3, 5))
    assert float(value(op, x)) == pytest.approx(8 - off, rel=1e-14)
    close(gradient(op, x, seed=1).inputs[0], [[[[0, 3 * (1 / 3.001 + 1 / 5.001), 4 / 5.001]]]])
