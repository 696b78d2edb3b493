"""The reference backend by hand, values and a few gradients: convolutions, matrix products and biases."""

from __future__ import annotations

import numpy as np
from by_hand import NINE, array, close, gradient, on_map, value
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.ops import Bias, ChannelScale, Conv, Linear, Local
from netspec.ir.table import ConnectionTable
from netspec.ir.window import Pad, Window


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


def test_a_filter_of_a_table_reads_its_own_channels() -> None:
    # Filter 0 reads channels 0 and 2, filter 1 channel 1; the weights of 7 and 9 are in no place of the table.
    op = Conv(2, Window((1, 1)), bias=False, table=ConnectionTable(((0, 2), (1,))))
    image, weight = [[[[1, 2]], [[3, 4]], [[5, 6]]]], [[[[10]], [[7]], [[1]]], [[[9]], [[100]], [[9]]]]
    close(value(op, image, params=(weight,)), [[[[15, 26]], [[300, 400]]]])
    back = gradient(op, image, params=(weight,), seed=[[[[1, 2]], [[3, 4]]]])
    close(back.params[0], [[[[1 + 4]], [[0]], [[5 + 12]]], [[[0]], [[9 + 16]], [[0]]]])
    close(back.inputs[0], [[[[10, 20]], [[300, 400]], [[1, 2]]]])


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1).map(lambda row: tuple(sorted(row))), min_size=1, max_size=4),
    st.integers(0, 2**16),
)
def test_a_table_is_a_convolution_for_each_filter(rows: list[tuple[int, ...]], seed: int) -> None:
    chance = np.random.default_rng(seed)
    window = Window((2, 2), pad=Pad(1, 0, 0, 1))
    image, weight = chance.normal(size=(2, 4, 3, 4)), chance.normal(size=(len(rows), 4, 2, 2))
    op = Conv(len(rows), window, bias=False, table=ConnectionTable(tuple(rows)))
    apart = [
        value(Conv(1, window, bias=False), image[:, list(row)], params=(weight[number : number + 1, list(row)],))
        for number, row in enumerate(rows)
    ]
    close(value(op, image, params=(weight,)), np.concatenate(apart, axis=1))


def test_a_coefficient_per_channel() -> None:
    image, seed = [[[[1, 2]], [[3, 4]]]], [[[[1, 2]], [[3, 4]]]]
    close(value(ChannelScale(), image, params=([10, 20],)), [[[[10, 20]], [[60, 80]]]])
    close(value(ChannelScale(), [[1, 2]], params=([10, 20],)), [[10, 40]])
    back = gradient(ChannelScale(), image, params=([10, 20],), seed=seed)
    close(back.params[0], [1 * 1 + 2 * 2, 3 * 3 + 4 * 4])
    close(back.inputs[0], [[[[10, 20]], [[60, 80]]]])


def test_bias_per_channel_and_per_unit() -> None:
    image = [[[[1, 2]], [[3, 4]]]]
    close(value(Bias(), image, params=([10, 20],)), [[[[11, 12]], [[23, 24]]]])
    close(value(Bias("unit"), image, params=([[[10, 20]], [[30, 40]]],)), [[[[11, 22]], [[33, 44]]]])
    close(value(Bias(), [[1, 2]], params=([10, 20],)), [[11, 22]])
    close(gradient(Bias(), image, params=([0, 0],), seed=[[[[1, 2]], [[3, 4]]]]).params[0], [3, 7])
