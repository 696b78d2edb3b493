"""The reference backend against arithmetic by hand: neurons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from by_hand import LN2, LN3, assert_close, gradient, on_vector

from netspec import backend
from netspec.ir import ops

reference = backend.load("reference")


@pytest.mark.parametrize(
    ("op", "x", "expected"),
    [
        (ops.Relu(), [-2, 0, 3], [0, 0, 3]),
        (ops.Relu6(), [-2, 0, 3, 6, 9], [0, 0, 3, 6, 6]),
        (ops.LeakyRelu(), [-2, 0, 3], [-0.02, 0, 3]),
        (ops.LeakyRelu(0.5), [-2, 3], [-1, 3]),
        (ops.Elu(), [-LN3, 0, 3], [-2 / 3, 0, 3]),  # 1/3 - 1
        (ops.Elu(0.5), [-1000, -LN2, 1000], [-0.5, -0.25, 1000]),
        (ops.Mish(), [0, np.log(np.e - 1)], [0, np.log(np.e - 1) * np.tanh(1)]),
        (ops.Silu(), [-LN3, 0, LN3], [-LN3 / 4, 0, 3 * LN3 / 4]),  # the logistic function is 1/4, 1/2, 3/4
        (ops.Gelu(), [-1000, 0, 1000], [0, 0, 1000]),
        (
            ops.Gelu(),
            [1, -1],
            [0.8413447460685429, -0.15865525393145707],
        ),  # the normal distribution function at 1 and -1
        (ops.HardSwish(), [-4, -3, -1, 0, 1, 3, 4], [0, 0, -1 / 3, 0, 2 / 3, 3, 4]),
        (ops.HardSigmoid(), [-4, -3, -1, 0, 1, 3, 4], [0, 0, 1 / 3, 1 / 2, 2 / 3, 1, 1]),
        (ops.Tanh(), [LN3], [0.8]),  # (9 - 1) / (9 + 1)
        (ops.Tanh(a=2, b=0.5), [2 * LN3], [1.6]),
        (ops.Logistic(), [-LN3, 0, LN3], [0.25, 0.5, 0.75]),
        (ops.Logistic(), [-1000, 1000], [0, 1]),
        (ops.SoftRelu(), [0, LN3, 5], [LN2, math.log(4), 5]),
        (ops.SoftRelu(), [4], [4.018149927917809]),  # log(1 + 54.598150033144236): 4 itself is not above the threshold
        (ops.SoftRelu(), [4.0000001], [4.0000001]),
        (ops.Abs(), [-2, 0, 3], [2, 0, 3]),
        (ops.Square(), [-2, 3], [4, 9]),
        (ops.Sqrt(), [4, 9], [2, 3]),
        (ops.LinearNeuron(a=3, b=1), [2, -1], [7, -2]),
        (ops.LinearNeuron(), [2, -1], [2, -1]),
    ],
)
def test_neurons(op: ops.Op, x: list[float], expected: list[float]) -> None:
    assert_close(on_vector(op, x), expected)


@pytest.mark.parametrize(
    ("op", "x", "slope"),
    [
        (ops.Relu(), [-2, 0, 3], [0, 0, 1]),
        (ops.Relu6(), [-2, 0, 3, 6, 9], [0, 0, 1, 0, 0]),
        (ops.LeakyRelu(0.5), [-2, 0, 3], [0.5, 0.5, 1]),
        (ops.Elu(), [-LN3, 0, 3], [1 / 3, 1, 1]),
        (ops.Elu(0.5), [-LN2, 0, 1000], [0.25, 0.5, 1]),
        (ops.Mish(), [0], [0.6]),  # tanh(log 2) = (4 - 1) / (4 + 1)
        (ops.Silu(), [0, LN3], [0.5, 0.75 + LN3 * 0.1875]),
        (ops.Gelu(), [0, 1], [0.5, 0.8413447460685429 + 0.24197072451914337]),  # with the density at 1
        (ops.HardSwish(), [-4, -3, 0, 1.5, 3, 4], [0, 0, 0.5, 1, 1, 1]),
        (ops.HardSigmoid(), [-4, -3, 0, 3, 4], [0, 0, 1 / 6, 0, 0]),
        (ops.Tanh(a=2, b=0.5), [2 * LN3], [0.36]),  # 2 * 0.5 * (1 - 0.8^2)
        (ops.Logistic(), [LN3], [0.1875]),  # 3/4 * 1/4
        (ops.SoftRelu(), [LN3, 5], [0.75, 1]),
        (ops.Abs(), [-2, 0, 3], [-1, 0, 1]),
        (ops.Square(), [-2, 3], [-4, 6]),
        (ops.Sqrt(), [4], [0.25]),
        (ops.LinearNeuron(a=3, b=1), [2], [3]),
    ],
)
def test_derivatives_of_neurons(op: ops.Op, x: list[float], slope: list[float]) -> None:
    seed = np.full((1, len(x)), 10.0)
    assert_close(gradient(op, [x], seed=seed).inputs[0], [[10 * number for number in slope]])


def test_noisy_relu_scales_noise_and_its_gradient_ignores_it() -> None:
    """max(0, r + 2 r z) for r = relu(x): 0; 3 + 6 / 2 = 6; max(0, 3 - 6 * 2) = 0; 4 - 8 * 7/16 = 1/2."""
    call = reference.Call("it", (np.array([[-2.0, 3, 3, 4]]),), drawn=np.array([[1, 0.5, -2, -0.4375]]))
    pair = reference.OPS[ops.NoisyRelu]
    output = pair.forward(ops.NoisyRelu(2.0), call)
    assert_close(output, [[0, 6, 0, 0.5]])
    assert_close(pair.backward(ops.NoisyRelu(2.0), call, output, np.full((1, 4), 10.0)).inputs[0], [[0, 10, 0, 10]])


def test_noisy_relu_needs_noise() -> None:
    with pytest.raises(ValueError, match="it adds noise: it needs some"):
        on_vector(ops.NoisyRelu(), [1])
