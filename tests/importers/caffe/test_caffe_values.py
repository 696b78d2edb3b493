"""An imported spec computes what Caffe computes, by the loops of Caffe's own layers (src/caffe/layers/*_layer.cpp)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from caffe_files import images, layer
from numpy.typing import NDArray
from prototxt import layers, values

Array = NDArray[np.float64]
SIDE = 9


def pooled(x: Array, kernel: int, stride: int, pad: int, *, average: bool) -> Array:
    """Pool as PoolingLayer does: sizes rounded up, a window in the padding left out, averages with padding."""
    side = x.shape[2]
    count = math.ceil((side + 2 * pad - kernel) / stride) + 1
    if pad and (count - 1) * stride >= side + pad:
        count -= 1
    result = np.zeros((*x.shape[:2], count, count))
    for row in range(count):
        for column in range(count):
            top, left = row * stride - pad, column * stride - pad
            bottom, right = min(top + kernel, side + pad), min(left + kernel, side + pad)
            size = (bottom - top) * (right - left)
            window = x[:, :, max(top, 0) : min(bottom, side), max(left, 0) : min(right, side)]
            result[:, :, row, column] = window.sum((2, 3)) / size if average else window.max((2, 3))
    return result


def lrn_across(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    padded = np.pad(x**2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    return x * (k + alpha / size * sums) ** -beta


def lrn_within(x: Array, size: int, alpha: float, beta: float) -> Array:
    return x * (1 + alpha * pooled(x**2, size, 1, size // 2, average=True)) ** -beta


def batch_norm(x: Array, mean: Array, variance: Array, factor: float, eps: float) -> Array:
    shape = (1, -1, 1, 1)
    return (x - mean.reshape(shape) / factor) / np.sqrt(variance.reshape(shape) / factor + eps)


def pool_text(kernel: int, stride: int, pad: int, *, average: bool) -> str:
    fields = {"pool": "AVE" if average else "MAX", "kernel_size": kernel, "stride": stride, "pad": pad}
    return images(2, SIDE, SIDE) + layer("p", "Pooling", "data", pooling_param=fields)


WINDOWS = [(2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 2, 1), (3, 3, 2), (4, 3, 2), (5, 2, 2), (3, 1, 1)]


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
def test_pooling_is_caffes(window: tuple[int, int, int], average: bool) -> None:
    x = np.random.default_rng(1).normal(size=(2, 2, SIDE, SIDE))
    expected = pooled(x, *window, average=average)
    np.testing.assert_allclose(values(pool_text(*window, average=average), {}, x), expected, atol=1e-12)


NORMS: list[tuple[dict[str, object], Callable[[Array], Array]]] = [
    ({"local_size": 3, "alpha": 0.5, "beta": 0.75, "k": 2}, lambda x: lrn_across(x, 3, 0.5, 0.75, 2)),
    ({"local_size": 5, "alpha": 2, "beta": 0.5}, lambda x: lrn_across(x, 5, 2, 0.5, 1)),
    (
        {"local_size": 3, "alpha": 0.5, "beta": 0.75, "norm_region": "WITHIN_CHANNEL", "k": 2},
        lambda x: lrn_within(x, 3, 0.5, 0.75),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), NORMS)
def test_normalisation_is_caffes(fields: dict[str, object], expected: Callable[[Array], Array]) -> None:
    x = np.random.default_rng(2).normal(size=(2, 7, SIDE, SIDE))
    text = images(7, SIDE, SIDE) + layer("n", "LRN", "data", lrn_param=fields)
    np.testing.assert_allclose(values(text, {}, x), expected(x), atol=1e-12)


@pytest.mark.parametrize(("low", "high", "types"), [(0, 6, ["relu6"]), (-1, 0.5, ["linear", "relu6", "linear"])])
def test_clip_is_caffes(low: float, high: float, types: list[str]) -> None:
    x = 3 * np.random.default_rng(4).normal(size=(2, 2, SIDE, SIDE))
    text = images(2, SIDE, SIDE) + layer("c", "Clip", "data", clip_param={"min": low, "max": high})
    np.testing.assert_allclose(values(text, {}, x), np.clip(x, low, high), atol=1e-7)
    assert [line.split()[1] for line in layers(text)] == types


def test_block_with_shortcut_is_caffes() -> None:
    """A convolution in groups, a batch normalisation with its factor, a Scale, a sum with coefficients and a matrix."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 4, SIDE, SIDE))
    text = images(4, SIDE, SIDE)
    text += layer("c", "Convolution", "data", convolution_param={"num_output": 4, "kernel_size": 1, "group": 2})
    text += layer("bn", "BatchNorm", "c", "c", batch_norm_param={"eps": 0.01})
    text += layer("s", "Scale", "c", "c", scale_param={"bias_term": True})
    text += layer("e", "Eltwise", ["c", "data"], eltwise_param={"coeff": [1, -0.5]}) + layer("r", "ReLU", "e", "e")
    text += layer("f", "InnerProduct", "e", inner_product_param={"num_output": 3, "bias_term": False})
    draw = rng.normal
    blobs = {
        "c": [draw(size=(4, 2, 1, 1)), draw(size=4)],
        "bn": [draw(size=4), rng.random(4) + 1, np.array([2.5])],
        "s": [draw(size=4), draw(size=4)],
        "f": [draw(size=(3, 4 * SIDE * SIDE))],
    }
    weight, bias = blobs["c"]
    c = np.concatenate([np.einsum("oi,nihw->nohw", weight[2 * g : 2 * g + 2, :, 0, 0], x[:, 2 * g : 2 * g + 2])
                        for g in (0, 1)], axis=1) + bias.reshape(1, -1, 1, 1)  # fmt: skip
    y = batch_norm(c, blobs["bn"][0], blobs["bn"][1], 2.5, 0.01)
    y = y * blobs["s"][0].reshape(1, -1, 1, 1) + blobs["s"][1].reshape(1, -1, 1, 1)
    y = np.maximum(y - 0.5 * x, 0)
    np.testing.assert_allclose(values(text, blobs, x), y.reshape(2, -1) @ blobs["f"][0].T, atol=1e-9)
