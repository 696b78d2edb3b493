"""The reference backend against arithmetic by hand: convolutions, matrix products and biases."""

from __future__ import annotations

import numpy as np
from by_hand import NINE, array, assert_close, gradient, on_map, value
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.table import ConnectionTable
from netspec.ir.window import Pad, TransposedWindow, Window


def test_conv_is_a_cross_correlation() -> None:
    # 1*1 + 2*2 + 3*4 + 4*5 = 37 and so on, plus a bias of 1.
    output = on_map(Conv(1, Window((2, 2))), NINE, params=([[[[1, 2], [3, 4]]]], [1]))
    assert_close(output, [[38, 48], [68, 78]])


def test_conv_reads_zeros_in_the_overhang() -> None:
    # Second column: 1*3 + 3*6 = 21; second row: 1*7 + 2*8 = 23; corner: 9.
    op = Conv(1, Window((2, 2), (2, 2), rounding="up"), bias=False)
    assert_close(on_map(op, NINE, params=([[[[1, 2], [3, 4]]]],)), [[37, 21], [23, 9]])


def test_conv_pads_each_side_separately() -> None:
    kernel = [[[[10, 1]]]]
    for pad, expected in ((Pad(1, 0, 0, 0), [1, 12]), (Pad(0, 1, 0, 0), [12, 20])):
        assert_close(on_map(Conv(1, Window((1, 2), pad=pad), bias=False), [[1, 2]], params=(kernel,)), [expected])


def test_conv_with_dilation() -> None:
    # 10*1 + 4 and 10*2 + 5.
    op = Conv(1, Window((1, 2), dilation=(1, 3)), bias=False)
    assert_close(on_map(op, [[1, 2, 3, 4, 5]], params=([[[[10, 1]]]],)), [[14, 25]])


def test_conv_reads_its_own_group() -> None:
    op = Conv(4, Window((1, 1)), groups=2, bias=False)
    output = value(op, [[[[2]], [[3]]]], params=(array([1, 2, 3, 4]).reshape(4, 1, 1, 1),))
    assert_close(output.ravel(), [2, 4, 9, 12])


def test_conv_gradients_at_one_position() -> None:
    # y = 2*3 + 5*7 + b: dy/dx are the weights, dy/dw the inputs, dy/db is 1; all times the seed 10.
    by_inputs, by_params = gradient(Conv(1, Window((1, 2))), [[[[3, 7]]]], params=([[[[2, 5]]]], [0]), seed=[[[[10]]]])
    assert_close(by_inputs[0], [[[[20, 50]]]])
    assert_close(by_params[0], [[[[30, 70]]]])
    assert_close(by_params[1], [10])


def test_deconv_adds_each_pixel_times_the_kernel_to_a_window() -> None:
    # 1 puts 1, 10, 100 on pixels 0, 1, 2 of the output, 2 puts 2, 20, 200 on 2, 3, 4, and each gets the bias of 5.
    kernel = [[[[1, 10, 100]]]]
    op = Deconv(1, TransposedWindow((1, 3), (1, 2)))
    assert_close(on_map(op, [[1, 2]], params=(kernel, [5])), [[6, 15, 107, 25, 205]])


def test_deconv_is_cut_and_grown_on_each_side_separately() -> None:
    # Uncut: 1, 10, 102, 20, 200. A negative pad adds pixels that only get the bias.
    kernel = [[[[1, 10, 100]]]]
    for pad, expected in (
        (Pad(1, 0, 0, 0), [15, 107, 25, 205]),
        (Pad(0, 2, 0, 0), [6, 15, 107]),
        (Pad(-2, 4, 0, 0), [5, 5, 6]),
        (Pad(4, -1, 0, 0), [205, 5]),
    ):
        op = Deconv(1, TransposedWindow((1, 3), (1, 2), pad))
        assert_close(on_map(op, [[1, 2]], params=(kernel, [5])), [expected])


def test_deconv_whose_kernel_is_smaller_than_its_stride_leaves_holes() -> None:
    op = Deconv(1, TransposedWindow((1, 1), (2, 3)), bias=False)
    assert_close(on_map(op, [[1, 2], [3, 4]], params=([[[[7]]]],)), [[7, 0, 0, 14], [0, 0, 0, 0], [21, 0, 0, 28]])


def test_deconv_with_dilation() -> None:
    op = Deconv(1, TransposedWindow((1, 2), dilation=(1, 3)), bias=False)
    assert_close(on_map(op, [[1, 2]], params=([[[[10, 1]]]],)), [[10, 20, 0, 1, 2]])


def test_deconv_reads_its_own_group() -> None:
    # Weights are channels x filters/groups: channel 0 makes filters 0 and 1, channel 1 makes filters 2 and 3.
    op = Deconv(4, TransposedWindow((1, 1)), groups=2, bias=False)
    output = value(op, [[[[2]], [[3]]]], params=(array([1, 2, 3, 4]).reshape(2, 2, 1, 1),))
    assert_close(output.ravel(), [2, 4, 9, 12])


def test_deconv_gradients_at_one_position() -> None:
    # y = (3*2 + b, 3*5 + b) with the seeds 10 and 100: dy/dx = 10*2 + 100*5, dy/dw = 3*10 and 3*100, dy/db = 110.
    op = Deconv(1, TransposedWindow((1, 2)))
    by_inputs, by_params = gradient(op, [[[[3]]]], params=([[[[2, 5]]]], [0]), seed=[[[[10, 100]]]])
    assert_close(by_inputs[0], [[[[520]]]])
    assert_close(by_params[0], [[[[30, 300]]]])
    assert_close(by_params[1], [110])


@given(st.data())
def test_deconv_is_the_adjoint_of_the_convolution_with_its_window(data: st.DataObject) -> None:
    """<deconv(x), y> = <x, conv(y)> with the same weights: in a convolution, channels x filters are filters x
    channels."""
    numbers = st.integers(1, 3)
    kernel, stride, dilation = (data.draw(st.tuples(numbers, numbers)) for _ in range(3))
    groups, channels, filters = data.draw(numbers), data.draw(numbers), data.draw(numbers)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.normal(size=(2, groups * channels, *data.draw(st.tuples(numbers, numbers))))
    weight = rng.normal(size=(groups * channels, filters, *kernel))
    op = Deconv(groups * filters, TransposedWindow(kernel, stride, dilation=dilation), groups, bias=False)
    y = value(op, x, params=(weight,))
    other = rng.normal(size=y.shape)
    adjoint = Conv(groups * channels, Window(kernel, stride, dilation=dilation), groups, bias=False)
    assert_close((y * other).sum(), (x * value(adjoint, other, params=(weight,))).sum())


def test_local_has_separate_weights_at_each_position() -> None:
    # 1*1 + 10*2 + 1 and 100*2 + 1000*3 + 2.
    weight = array([[1, 10], [100, 1000]]).reshape(1, 1, 2, 1, 1, 2)
    assert_close(on_map(Local(1, Window((1, 2))), [[1, 2, 3]], params=(weight, [[[1, 2]]])), [[22, 3202]])


def test_local_reads_its_own_group() -> None:
    op = Local(2, Window((1, 1)), groups=2, bias=False)
    weight = array([1, 10, 100, 1000]).reshape(2, 1, 2, 1, 1, 1)
    assert_close(value(op, [[[[1, 2]], [[3, 4]]]], params=(weight,)), [[[[1, 20]], [[300, 4000]]]])


def test_linear_reads_channels_then_rows_then_columns() -> None:
    # 1*1 + 10*2 + 5 from the first channel, 100*3 + 1000*4 + 6 from the second.
    op = Linear(2, groups=2)
    assert_close(value(op, [[[[1, 2]], [[3, 4]]]], params=([[1, 10], [100, 1000]], [5, 6])), [[26, 4306]])
    assert_close(value(Linear(1, bias=False), [[[[1, 2]], [[3, 4]]]], params=([[1, 10, 100, 1000]],)), [[4321]])


def test_filter_of_a_table_reads_its_own_channels() -> None:
    # Filter 0 reads channels 0 and 2, filter 1 channel 1; the table excludes the weights 7 and 9.
    op = Conv(2, Window((1, 1)), bias=False, table=ConnectionTable(((0, 2), (1,))))
    image, weight = [[[[1, 2]], [[3, 4]], [[5, 6]]]], [[[[10]], [[7]], [[1]]], [[[9]], [[100]], [[9]]]]
    assert_close(value(op, image, params=(weight,)), [[[[15, 26]], [[300, 400]]]])
    gradients = gradient(op, image, params=(weight,), seed=[[[[1, 2]], [[3, 4]]]])
    assert_close(gradients.params[0], [[[[1 + 4]], [[0]], [[5 + 12]]], [[[0]], [[9 + 16]], [[0]]]])
    assert_close(gradients.inputs[0], [[[[10, 20]], [[300, 400]], [[1, 2]]]])


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1).map(lambda row: tuple(sorted(row))), min_size=1, max_size=4),
    st.integers(0, 2**16),
)
def test_conv_with_a_table_equals_one_convolution_per_filter(rows: list[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    window = Window((2, 2), pad=Pad(1, 0, 0, 1))
    image, weight = rng.normal(size=(2, 4, 3, 4)), rng.normal(size=(len(rows), 4, 2, 2))
    op = Conv(len(rows), window, bias=False, table=ConnectionTable(tuple(rows)))
    separate = [
        value(Conv(1, window, bias=False), image[:, list(row)], params=(weight[number : number + 1, list(row)],))
        for number, row in enumerate(rows)
    ]
    assert_close(value(op, image, params=(weight,)), np.concatenate(separate, axis=1))


def test_channelscale_multiplies_each_channel() -> None:
    image, seed = [[[[1, 2]], [[3, 4]]]], [[[[1, 2]], [[3, 4]]]]
    assert_close(value(ChannelScale(), image, params=([10, 20],)), [[[[10, 20]], [[60, 80]]]])
    assert_close(value(ChannelScale(), [[1, 2]], params=([10, 20],)), [[10, 40]])
    gradients = gradient(ChannelScale(), image, params=([10, 20],), seed=seed)
    assert_close(gradients.params[0], [1 * 1 + 2 * 2, 3 * 3 + 4 * 4])
    assert_close(gradients.inputs[0], [[[[10, 20]], [[60, 80]]]])


def test_prelu_has_a_slope_for_each_channel_or_one_for_all() -> None:
    image, seed = [[[[1, -2]], [[-3, 4]]]], [[[[1, 2]], [[3, 4]]]]
    assert_close(value(PRelu(), image, params=([10, 20],)), [[[[1, -20]], [[-60, 4]]]])
    assert_close(value(PRelu(), [[-1, -2]], params=([10, 20],)), [[-10, -40]])
    assert_close(value(PRelu(shared=True), image, params=([10],)), [[[[1, -20]], [[-30, 4]]]])
    gradients = gradient(PRelu(), image, params=([10, 20],), seed=seed)
    assert_close(gradients.params[0], [2 * -2, 3 * -3])
    assert_close(gradients.inputs[0], [[[[1, 20]], [[60, 4]]]])
    gradients = gradient(PRelu(shared=True), image, params=([10],), seed=seed)
    assert_close(gradients.params[0], [2 * -2 + 3 * -3])
    assert_close(gradient(PRelu(), [[0]], params=([10],), seed=[[1]]).inputs[0], [[10]])


def test_bias_per_channel_and_per_unit() -> None:
    image = [[[[1, 2]], [[3, 4]]]]
    assert_close(value(Bias(), image, params=([10, 20],)), [[[[11, 12]], [[23, 24]]]])
    assert_close(value(Bias("unit"), image, params=([[[10, 20]], [[30, 40]]],)), [[[[11, 22]], [[33, 44]]]])
    assert_close(value(Bias(), [[1, 2]], params=([10, 20],)), [[11, 22]])
    assert_close(gradient(Bias(), image, params=([0, 0],), seed=[[[[1, 2]], [[3, 4]]]]).params[0], [3, 7])
