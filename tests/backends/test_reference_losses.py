"""The reference backend against arithmetic by hand: losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import LN2, LN3, LN5, assert_close, gradient, value

from netspec.ir import ops


def loss(op: ops.Op, scores: Any, labels: list[int]) -> float:
    result = value(op, scores, labels=np.array(labels))
    assert result.shape == ()
    return float(result)


def test_cross_entropy() -> None:
    # e^x is 1, 2, 5, so p = 2/8 for class 1; equal scores have p = 1/3. The loss is the mean of log 4 and log 3.
    scores = [[0, LN2, LN5], [7, 7, 7]]
    assert loss(ops.CrossEntropy(), scores, [1, 0]) == pytest.approx((2 * LN2 + LN3) / 2, rel=1e-14)
    scores_gradient = gradient(ops.CrossEntropy(), scores, labels=np.array([1, 0]), seed=1).inputs[0]
    assert_close(scores_gradient, [[1 / 16, -6 / 16, 5 / 16], [-1 / 3, 1 / 6, 1 / 6]])


def test_cross_entropy_of_maps() -> None:
    # As above: two pixels with the scores 0, log 2, log 5 and 7, 7, 7, and one without a class.
    scores, labels = [[[[0, 7, 1]], [[LN2, 7, 2]], [[LN5, 7, 3]]]], np.array([[[1, 0, 255]]])
    assert float(value(ops.CrossEntropy(), scores, labels=labels)) == pytest.approx((2 * LN2 + LN3) / 2, rel=1e-14)
    by_maps = gradient(ops.CrossEntropy(), scores, labels=labels, seed=1).inputs[0]
    assert_close(by_maps, [[[[1 / 16, -1 / 3, 0]], [[-6 / 16, 1 / 6, 0]], [[5 / 16, 1 / 6, 0]]]])
    unlabelled = np.full((1, 1, 3), 255)
    assert float(value(ops.CrossEntropy(), scores, labels=unlabelled)) == 0
    assert not gradient(ops.CrossEntropy(), scores, labels=unlabelled, seed=1).inputs[0].any()


def test_cross_entropy_of_large_scores() -> None:
    assert loss(ops.CrossEntropy(), [[1000, 0]], [1]) == 1000


def test_binary_cross_entropy() -> None:
    # p is 1/2 and 3/4: -log(1/2) for the labelled class, -log(1 - 3/4) for the other.
    assert loss(ops.BinaryCrossEntropy(), [[0, LN3]], [0]) == pytest.approx(3 * LN2, rel=1e-14)
    assert loss(ops.BinaryCrossEntropy(), [[-1000, 1000]], [0]) == 2000
    scores_gradient = gradient(ops.BinaryCrossEntropy(), [[0, LN3]], labels=np.array([0]), seed=2).inputs[0]
    assert_close(scores_gradient, [[-1, 3 / 2]])


def test_binary_cross_entropy_with_a_weighted_label() -> None:
    # As above, but -3 log(1/2) for the labelled class. The gradients are -3 (1 - 1/2) and 3/4.
    op = ops.BinaryCrossEntropy(positive=3.0)
    assert loss(op, [[0, LN3]], [0]) == pytest.approx(5 * LN2, rel=1e-14)
    assert_close(gradient(op, [[0, LN3]], labels=np.array([0]), seed=1).inputs[0], [[-3 / 2, 3 / 4]])


def test_binary_cross_entropy_of_probabilities() -> None:
    # -3 log(1/2) for the labelled class, -log(1 - 3/4) for the other. The gradients are -3 / (1/2) and 1 / (1/4).
    op = ops.BinaryCrossEntropy(positive=3.0, of="probabilities")
    assert loss(op, [[1 / 2, 3 / 4]], [0]) == pytest.approx(5 * LN2, rel=1e-14)
    assert_close(gradient(op, [[1 / 2, 3 / 4]], labels=np.array([0]), seed=1).inputs[0], [[-6, 4]])
    # Logarithms are clipped at -50, where their gradient is 0.
    assert loss(op, [[0, 1]], [0]) == pytest.approx(200, rel=1e-14)
    assert_close(gradient(op, [[-0.5, 1.5]], labels=np.array([0]), seed=1).inputs[0], [[0, 0]])


def test_cauchy_error() -> None:
    # log(1 + (2-1)^2) + log(1 + 2^2). The gradients are 2 / (1 + 1) and 4 / (1 + 4).
    assert loss(ops.CauchyError(), [[2, 2]], [0]) == pytest.approx(LN2 + LN5, rel=1e-14)
    assert_close(gradient(ops.CauchyError(), [[2, 2]], labels=np.array([0]), seed=1).inputs[0], [[1, 4 / 5]])


def test_sum_of_squares_ignores_labels() -> None:
    assert value(ops.SumSquares(), [[[[1, 2]], [[3, 4]]], [[[0, 0]], [[0, 2]]]]) == (30 + 4) / 2
    assert_close(gradient(ops.SumSquares(), [[1, -3], [0, 2]], seed=1).inputs[0], [[1, -3], [0, 2]])


def test_squared_error() -> None:
    # (2-1)^2 + 1^2 = 2 and 0^2 + (3-1)^2 = 4.
    assert loss(ops.SquaredError(), [[2, 1], [0, 3]], [0, 1]) == 3
    scores_gradient = gradient(ops.SquaredError(), [[2, 1], [0, 3]], labels=np.array([0, 1]), seed=1).inputs[0]
    assert_close(scores_gradient, [[1, 1], [0, 2]])


def test_values_of_losses_are_not_weighted() -> None:
    assert loss(ops.SquaredError(weight=0.3), [[2, 1]], [0]) == 2


def test_set_cross_entropy() -> None:
    # e^x is 1, 2, 5: the pairs weigh 2, 5 and 10, together 17; those with class 1 weigh 2 + 10 = 12.
    op = ops.SetCrossEntropy(size=2)
    assert loss(op, [[0, LN2, LN5]], [1]) == pytest.approx(np.log(17 / 12), rel=1e-14)
    # Each class is in the set with probability 7/17, 12/17, 15/17, and given class 1, with 2/12, 1, 10/12.
    scores_gradient = gradient(op, [[0, LN2, LN5]], labels=np.array([1]), seed=1).inputs[0]
    assert_close(scores_gradient, [[7 / 17 - 2 / 12, 12 / 17 - 1, 15 / 17 - 10 / 12]])
    assert loss(ops.SetCrossEntropy(size=3), [[0, LN2, LN5]], [2]) == pytest.approx(0, abs=1e-14)
    scores = [[0, LN2, LN5], [7, 7, 7]]
    assert loss(ops.SetCrossEntropy(), scores, [1, 0]) == pytest.approx(loss(ops.CrossEntropy(), scores, [1, 0]))
    assert loss(op, [[1000, 0, -1000]], [2]) == pytest.approx(1000)  # the pairs weigh e^1000, e^0 and e^-1000


def test_gated_sum_of_squares() -> None:
    # 0.5 (1 + 4 + 9 + 16) = 15 and -2 (0 + 4) = -8. Over 2 images, the gradients are sum / 2 and 2 g x / 2.
    gate, x = [[0.5], [-2.0]], [[[[1, 2]], [[3, 4]]], [[[0, 0]], [[0, 2]]]]
    assert value(ops.GatedSumSquares(), gate, x) == (15 - 8) / 2
    by_gate, by_x = gradient(ops.GatedSumSquares(), gate, x, seed=1).inputs
    assert_close(by_gate, [[15], [2]])
    assert_close(by_x, [[[[0.5, 1]], [[1.5, 2]]], [[[0, 0]], [[0, -4]]]])


def test_sum_of_squares_gated_by_class_number() -> None:
    # 3 (1 + 4) = 15 and 0 (9 + 16) = 0. Over 2 images, the gradient is 2 g x / 2.
    x = [[1, 2], [3, 4]]
    assert loss(ops.SumSquares(gate="class"), x, [3, 0]) == 15 / 2
    assert_close(gradient(ops.SumSquares(gate="class"), x, seed=1, labels=np.array([3, 0])).inputs[0], [[3, 6], [0, 0]])


def test_topographic_sparsity() -> None:
    # Windows of 3: 0 + 9, 0 + 9 + 16, 9 + 16, with roots 3, 5, 5. The loss subtracts e log(1 + root / e) from each.
    op, x = ops.Topographic(size=3), [[[[0, 3, 4]]]]
    correction = sum(0.001 * np.log(1 + 1000 * root) for root in (3, 5, 5))
    assert float(value(op, x)) == pytest.approx(13 - correction, rel=1e-14)
    slopes = 1 / 3.001, 1 / 5.001, 1 / 5.001
    assert_close(gradient(op, x, seed=1).inputs[0], [[[[0, 3 * sum(slopes), 4 * (slopes[1] + slopes[2])]]]])


def test_even_topographic_window_reaches_further_left() -> None:
    # Windows of 2: 0, then 0 + 9, then 9 + 16.
    op, x = ops.Topographic(size=2), [[[[0, 3, 4]]]]
    correction = sum(0.001 * np.log(1 + 1000 * root) for root in (0, 3, 5))
    assert float(value(op, x)) == pytest.approx(8 - correction, rel=1e-14)
    assert_close(gradient(op, x, seed=1).inputs[0], [[[[0, 3 * (1 / 3.001 + 1 / 5.001), 4 / 5.001]]]])
