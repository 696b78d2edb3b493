"""The reference backend's values and a few of its gradients, each number worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from netspec import backend
from netspec.ir.ops import (
    Abs,
    Affine,
    AvgPool,
    BatchNorm,
    Bias,
    BinaryCrossEntropy,
    Blur,
    Concat,
    ContrastNorm,
    Conv,
    CrossEntropy,
    Dropout,
    Flatten,
    Linear,
    Local,
    Logistic,
    Lrn,
    MapNorm,
    Max,
    MaxPool,
    Mirror,
    Nailbed,
    Op,
    Relu,
    Softmax,
    SoftRelu,
    Sqrt,
    Square,
    SquaredError,
    Sum,
    Tanh,
)
from netspec.ir.window import Pad, Window

reference = backend.load("reference")

NINE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
LN2, LN3, LN5 = math.log(2), math.log(3), math.log(5)


def array(numbers: Any) -> Any:
    return np.array(numbers, dtype=np.float64)


def value(op: Op, *inputs: Any, params: Any = (), **given: Any) -> Any:
    """The operation's value on inputs that include the batch."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **given)
    return reference.OPS[type(op)].forward(op, call)


def on_map(op: Op, pixels: Any, params: Any = ()) -> Any:
    """The first channel of what an operation makes of one image with one channel."""
    return value(op, [[pixels]], params=params)[0, 0]


def on_vector(op: Op, *vectors: Any) -> Any:
    """What an operation makes of one image's vectors."""
    return value(op, *([vector] for vector in vectors))[0]


def on_channels(op: Op, channels: Any) -> Any:
    """What an operation makes of one image with a single pixel."""
    return value(op, array(channels).reshape(1, -1, 1, 1)).ravel()


def gradient(op: Op, *inputs: Any, seed: Any, params: Any = (), **given: Any) -> Any:
    """The gradients by the inputs and by the parameters."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **given)
    pair = reference.OPS[type(op)]
    return pair.backward(op, call, pair.forward(op, call), array(seed))


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, array(wanted), rtol=1e-13, atol=1e-15)


# Convolutions and matrix products


def test_conv_is_a_cross_correlation() -> None:
    # 1*1 + 2*2 + 3*4 + 4*5 = 37, and so on; the bias is 1.
    found = on_map(Conv(1, Window((2, 2))), NINE, params=([[[[1, 2], [3, 4]]]], [1]))
    close(found, [[38, 48], [68, 78]])


def test_conv_sees_zeros_in_its_overhang() -> None:
    # Second column: 1*3 + 3*6 = 21; second row: 1*7 + 2*8 = 23; corner: 9.
    op = Conv(1, Window((2, 2), (2, 2), rounding="up"), bias=False)
    close(on_map(op, NINE, params=([[[[1, 2], [3, 4]]]],)), [[37, 21], [23, 9]])


def test_conv_pads_each_side_as_told() -> None:
    kernel = [[[[10, 1]]]]
    for pad, wanted in ((Pad(1, 0, 0, 0), [1, 12]), (Pad(0, 1, 0, 0), [12, 20])):
        close(on_map(Conv(1, Window((1, 2), pad=pad), bias=False), [[1, 2]], params=(kernel,)), [wanted])


def test_conv_dilates() -> None:
    # 10*1 + 4 and 10*2 + 5.
    op = Conv(1, Window((1, 2), dilation=(1, 3)), bias=False)
    close(on_map(op, [[1, 2, 3, 4, 5]], params=([[[[10, 1]]]],)), [[14, 25]])


def test_conv_reads_its_own_group() -> None:
    op = Conv(4, Window((1, 1)), groups=2, bias=False)
    found = value(op, [[[[2]], [[3]]]], params=(array([1, 2, 3, 4]).reshape(4, 1, 1, 1),))
    close(found.ravel(), [2, 4, 9, 12])


def test_conv_gradients_of_one_product() -> None:
    # y = 2*3 + 5*7 + b at one place: by the input the weights, by the weights the input, by the bias 1; all times 10.
    by_inputs, by_params = gradient(Conv(1, Window((1, 2))), [[[[3, 7]]]], params=([[[[2, 5]]]], [0]), seed=[[[[10]]]])
    close(by_inputs[0], [[[[20, 50]]]])
    close(by_params[0], [[[[30, 70]]]])
    close(by_params[1], [10])


def test_local_has_weights_of_its_own_at_every_place() -> None:
    # 1*1 + 10*2 + 1 and 100*2 + 1000*3 + 2.
    weight = array([[1, 10], [100, 1000]]).reshape(1, 1, 2, 1, 1, 2)
    close(on_map(Local(1, Window((1, 2))), [[1, 2, 3]], params=(weight, [[[1, 2]]])), [[22, 3202]])


def test_local_reads_its_own_group() -> None:
    op = Local(2, Window((1, 1)), groups=2, bias=False)
    weight = array([1, 10, 100, 1000]).reshape(2, 1, 2, 1, 1, 1)
    close(value(op, [[[[1, 2]], [[3, 4]]]], params=(weight,)), [[[[1, 20]], [[300, 4000]]]])


def test_linear_reads_channels_then_rows_then_columns_by_groups() -> None:
    # 1*1 + 10*2 + 5 from the first channel, 100*3 + 1000*4 + 6 from the second.
    op = Linear(2, groups=2)
    close(value(op, [[[[1, 2]], [[3, 4]]]], params=([[1, 10], [100, 1000]], [5, 6])), [[26, 4306]])
    close(value(Linear(1, bias=False), [[[[1, 2]], [[3, 4]]]], params=([[1, 10, 100, 1000]],)), [[4321]])


def test_bias_per_channel_and_per_unit() -> None:
    image = [[[[1, 2]], [[3, 4]]]]
    close(value(Bias(), image, params=([10, 20],)), [[[[11, 12]], [[23, 24]]]])
    close(value(Bias("unit"), image, params=([[[10, 20]], [[30, 40]]],)), [[[[11, 22]], [[33, 44]]]])
    close(value(Bias(), [[1, 2]], params=([10, 20],)), [[11, 22]])
    close(gradient(Bias(), image, params=([0, 0],), seed=[[[[1, 2]], [[3, 4]]]]).params[0], [3, 7])


# Windows of pixels


def test_maxpool_with_an_overhang() -> None:
    close(on_map(MaxPool(Window((2, 2), (2, 2), rounding="up")), NINE), [[5, 6], [8, 9]])


def test_maxpool_ignores_its_padding() -> None:
    # Each window has one real pixel, and all are below the zeros that a convolution would see.
    op = MaxPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1)))
    close(on_map(op, [[-1, -2], [-3, -4]]), [[-1, -2], [-3, -4]])


def test_of_equal_pixels_the_first_takes_the_gradient() -> None:
    found = gradient(MaxPool(Window((2, 2))), [[[[1, 1], [1, 1]]]], seed=[[[[7]]]])
    close(found.inputs[0], [[[[7, 0], [0, 0]]]])
    found = gradient(MaxPool(Window((1, 2))), [[[[2, 2, 2]]]], seed=[[[[10, 1]]]])
    close(found.inputs[0], [[[[10, 1, 0]]]])
    found = gradient(MaxPool(Window((1, 2))), [[[[1, 3, 2]]]], seed=[[[[10, 1]]]])
    close(found.inputs[0], [[[[0, 11, 0]]]])


def test_avgpool_divides_by_the_real_pixels() -> None:
    # (1+2+4+5)/4, (3+6)/2, (7+8)/2, 9/1.
    op = AvgPool(Window((2, 2), (2, 2), rounding="up"))
    close(on_map(op, NINE), [[3, 4.5], [7.5, 9]])
    close(
        gradient(op, [[NINE]], seed=[[[[4, 2], [20, 100]]]]).inputs[0],
        [[[[1, 1, 1], [1, 1, 1], [10, 10, 100]]]],
    )
    padded = AvgPool(Window((2, 2), (2, 2), Pad(1, 1, 1, 1)))
    close(on_map(padded, [[1, 2], [3, 4]]), [[1, 2], [3, 4]])


# exp(-1 / (2 stdev^2)) = 1/2
HALVING = math.sqrt(1 / (2 * LN2))


def test_blur_spreads_by_rows_and_columns() -> None:
    # Weights 1/2, 1, 1/2 over their sum: 1/4, 1/2, 1/4.
    spread = on_map(Blur(3, HALVING), [[0, 0, 0], [0, 16, 0], [0, 0, 0]])
    close(spread, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_blur_sees_zeros_outside() -> None:
    close(on_map(Blur(3, HALVING), np.full((3, 3), 16)), [[9, 12, 9], [12, 16, 12], [9, 12, 9]])


def test_an_even_blur_has_one_more_on_the_lower_side() -> None:
    # Weights 1/3 for the pixel before and 2/3 for the pixel itself, so that light moves right and down.
    close(on_map(Blur(2, HALVING), [[9, 0], [0, 0]]), [[4, 2], [2, 1]])


def test_nailbed_keeps_centred_pixels() -> None:
    # 5 rows: 3 of them from (5 - 4) // 2 = 0; 4 columns: 2 of them from (4 - 2) // 2 = 1.
    grid = [[10 * row + column for column in range(4)] for row in range(5)]
    close(on_map(Nailbed(2), grid), [[1, 3], [21, 23], [41, 43]])
    back = gradient(Nailbed(2), [[[[1, 2], [3, 4]]]], seed=[[[[5]]]]).inputs[0]  # (2 - 0) // 2 = 1
    close(back, [[[[0, 0], [0, 5]]]])


def test_mirror() -> None:
    close(on_map(Mirror(), [[1, 2, 3], [4, 5, 6]]), [[3, 2, 1], [6, 5, 4]])


# Normalisations


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


# Joins


def test_concat_joins_group_by_group() -> None:
    close(on_vector(Concat(), [1, 2, 3, 4], [5, 6]), [1, 2, 3, 4, 5, 6])
    close(on_vector(Concat(groups=2), [1, 2, 3, 4], [5, 6]), [1, 2, 5, 3, 4, 6])
    images = value(Concat(groups=2), [[[[1, 2]], [[3, 4]]]], [[[[5, 6]], [[7, 8]]]])
    close(images, [[[[1, 2]], [[5, 6]], [[3, 4]], [[7, 8]]]])


def test_concat_cuts_the_gradient_apart_again() -> None:
    first, second = gradient(Concat(groups=2), [[0, 0, 0, 0]], [[0, 0]], seed=[[1, 2, 5, 3, 4, 6]]).inputs
    close(first, [[1, 2, 3, 4]])
    close(second, [[5, 6]])


def test_sum_and_max() -> None:
    close(on_vector(Sum(), [1, 2], [10, 20], [100, 200]), [111, 222])
    close(on_vector(Max(), [1, 5], [2, 4]), [2, 5])


def test_of_equal_inputs_the_first_takes_the_gradient() -> None:
    first, second = gradient(Max(), [[1, 5, 3]], [[2, 4, 3]], seed=[[10, 20, 30]]).inputs
    close(first, [[0, 20, 30]])
    close(second, [[10, 0, 0]])


def test_flatten_reads_channels_then_rows_then_columns() -> None:
    close(value(Flatten(), [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]), [[1, 2, 3, 4, 5, 6, 7, 8]])


def test_softmax_of_a_vector_and_of_each_pixel() -> None:
    # e^x is 1, 2 and 5; adding 1000 to all changes nothing.
    close(on_vector(Softmax(), [0, LN2, LN5]), [1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(on_vector(Softmax(), [1000, 1000 + LN2, 1000 + LN5]), [1 / 8, 2 / 8, 5 / 8], rtol=1e-12)
    pixels = value(Softmax(), [[[[0, 0]], [[LN3, 0]]]])
    close(pixels, [[[[1 / 4, 1 / 2]], [[3 / 4, 1 / 2]]]])


# Neurons


@pytest.mark.parametrize(
    ("op", "x", "wanted"),
    [
        (Relu(), [-2, 0, 3], [0, 0, 3]),
        (Tanh(), [LN3], [0.8]),  # (9 - 1) / (9 + 1)
        (Tanh(a=2, b=0.5), [2 * LN3], [1.6]),
        (Logistic(), [-LN3, 0, LN3], [0.25, 0.5, 0.75]),
        (Logistic(), [-1000, 1000], [0, 1]),
        (SoftRelu(), [0, LN3, 5], [LN2, math.log(4), 5]),
        (SoftRelu(), [4], [4.018149927917809]),  # log(1 + 54.598150033144236): the threshold itself is not above
        (SoftRelu(), [4.0000001], [4.0000001]),
        (Abs(), [-2, 0, 3], [2, 0, 3]),
        (Square(), [-2, 3], [4, 9]),
        (Sqrt(), [4, 9], [2, 3]),
        (Affine(a=3, b=1), [2, -1], [7, -2]),
        (Affine(), [2, -1], [2, -1]),
    ],
)
def test_neurons(op: Op, x: list[float], wanted: list[float]) -> None:
    close(on_vector(op, x), wanted)


@pytest.mark.parametrize(
    ("op", "x", "slope"),
    [
        (Relu(), [-2, 0, 3], [0, 0, 1]),
        (Tanh(a=2, b=0.5), [2 * LN3], [0.36]),  # 2 * 0.5 * (1 - 0.8^2)
        (Logistic(), [LN3], [0.1875]),  # 3/4 * 1/4
        (SoftRelu(), [LN3, 5], [0.75, 1]),
        (Abs(), [-2, 0, 3], [-1, 0, 1]),
        (Square(), [-2, 3], [-4, 6]),
        (Sqrt(), [4], [0.25]),
        (Affine(a=3, b=1), [2], [3]),
    ],
)
def test_slopes_of_neurons(op: Op, x: list[float], slope: list[float]) -> None:
    seed = np.full((1, len(x)), 10.0)
    close(gradient(op, [x], seed=seed).inputs[0], [[10 * number for number in slope]])


# Losses


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


def test_squared_error() -> None:
    # (2-1)^2 + 1^2 = 2 and 0^2 + (3-1)^2 = 4.
    assert labelled(SquaredError(), [[2, 1], [0, 3]], [0, 1]) == 3
    found = gradient(SquaredError(), [[2, 1], [0, 3]], labels=np.array([0, 1]), seed=1).inputs[0]
    close(found, [[1, 1], [0, 2]])


def test_a_loss_is_not_weighted_here() -> None:
    assert labelled(SquaredError(weight=0.3), [[2, 1]], [0]) == 2
