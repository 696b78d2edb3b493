"""The reference backend against arithmetic by hand: joins, flatten and softmax."""

from __future__ import annotations

import numpy as np
from by_hand import LN2, LN3, LN5, assert_close, gradient, on_vector, value

from netspec.ir.ops import Concat, Flatten, Max, Product, Softmax, Sum


def test_concat_joins_group_by_group() -> None:
    assert_close(on_vector(Concat(), [1, 2, 3, 4], [5, 6]), [1, 2, 3, 4, 5, 6])
    assert_close(on_vector(Concat(groups=2), [1, 2, 3, 4], [5, 6]), [1, 2, 5, 3, 4, 6])
    images = value(Concat(groups=2), [[[[1, 2]], [[3, 4]]]], [[[[5, 6]], [[7, 8]]]])
    assert_close(images, [[[[1, 2]], [[5, 6]], [[3, 4]], [[7, 8]]]])


def test_concat_splits_the_gradient() -> None:
    first, second = gradient(Concat(groups=2), [[0, 0, 0, 0]], [[0, 0]], seed=[[1, 2, 5, 3, 4, 6]]).inputs
    assert_close(first, [[1, 2, 3, 4]])
    assert_close(second, [[5, 6]])


def test_sum_and_max() -> None:
    assert_close(on_vector(Sum(), [1, 2], [10, 20], [100, 200]), [111, 222])
    assert_close(on_vector(Max(), [1, 5], [2, 4]), [2, 5])


def test_product_of_maps_and_one_unit_for_each_map() -> None:
    assert_close(on_vector(Product(), [1, 2], [10, 20], [3, 4]), [30, 160])
    maps, units, vector = [[[[1, 2]], [[3, 4]]]], [[[[10]], [[100]]]], [[2, 3]]
    assert_close(value(Product(), maps, units), [[[[10, 20]], [[300, 400]]]])
    assert_close(value(Product(), vector, maps, units), [[[[20, 40]], [[900, 1200]]]])
    assert_close(value(Product(), vector, units), [[[[20]], [[300]]]])


def test_product_with_one_map() -> None:
    maps, mask, vector = [[[[1, 2]], [[3, 4]]]], [[[[5, 10]]]], [[2, 3]]
    assert_close(value(Product(), mask, maps), [[[[5, 20]], [[15, 40]]]])
    assert_close(value(Product(), vector, maps, mask), [[[[10, 40]], [[45, 120]]]])
    first, second = gradient(Product(), maps, mask, seed=[[[[10, 20]], [[30, 40]]]]).inputs
    assert_close(first, [[[[50, 200]], [[150, 400]]]])
    assert_close(second, [[[[100, 200]]]])  # 1 * 10 + 3 * 30, 2 * 20 + 4 * 40


def test_gradient_of_a_product_is_summed_over_the_pixels_of_a_map() -> None:
    maps, vector = [[[[1, 2]], [[3, 4]]]], [[2, 3]]
    first, second = gradient(Product(), maps, vector, seed=[[[[10, 20]], [[30, 40]]]]).inputs
    assert_close(first, [[[[20, 40]], [[90, 120]]]])
    assert_close(second, [[50, 250]])  # 1 * 10 + 2 * 20, 3 * 30 + 4 * 40


def test_max_gives_the_gradient_to_the_first_of_equal_inputs() -> None:
    first, second = gradient(Max(), [[1, 5, 3]], [[2, 4, 3]], seed=[[10, 20, 30]]).inputs
    assert_close(first, [[0, 20, 30]])
    assert_close(second, [[10, 0, 0]])


def test_flatten_orders_channels_then_rows_then_columns() -> None:
    assert_close(value(Flatten(), [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]), [[1, 2, 3, 4, 5, 6, 7, 8]])


def test_softmax_of_vectors_and_pixels() -> None:
    # e^x is 1, 2 and 5. Adding 1000 to all inputs changes nothing.
    assert_close(on_vector(Softmax(), [0, LN2, LN5]), [1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(on_vector(Softmax(), [1000, 1000 + LN2, 1000 + LN5]), [1 / 8, 2 / 8, 5 / 8], rtol=1e-12)
    pixels = value(Softmax(), [[[[0, 0]], [[LN3, 0]]]])
    assert_close(pixels, [[[[1 / 4, 1 / 2]], [[3 / 4, 1 / 2]]]])
