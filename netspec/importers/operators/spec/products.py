"""Fully connected layers: Gemm and MatMul."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netspec.importers.operators.graph.model import Array
from netspec.importers.operators.spec.lines import Site, described
from netspec.importers.operators.spec.views import image
from netspec.importers.operators.spec.windows import give_bias, weighted_line
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape


def gemm(site: Site) -> None:
    """alpha A B + beta C with constant B and C. The factors become part of the parameters."""
    weight, bias = site.needed_tensor(1), site.tensor(2)
    if site.get("transA", 0):
        raise Inexpressible("it transposes what it reads: the images would be features")
    alpha, beta = float(site.get("alpha", 1.0)), float(site.get("beta", 1.0))
    outputs = weight.shape[0] if site.get("transB", 0) else weight.shape[1]

    def matrix() -> Array:
        values = weight.values() * np.float32(alpha)
        return values if site.get("transB", 0) else values.T

    x = site.x
    if len(x.axes) != 2 or len(weight.shape) != 2 or outputs == 0:
        raise Inexpressible(f"it reads N x features, and its input is {described(x)}")
    if len(x.axes[0]) > 1 and x.axes[0][0] == "N" and "C" not in x.axes[0]:  # as many rows as there are pixels
        _each_pixel(site, weight.size // outputs, outputs, matrix)
    else:
        _fully_connected(site, weight.size // outputs, outputs, matrix)
    if bias is None:
        return
    if bias.size not in (1, outputs) or (len(bias.shape) > 1 and bias.shape[-2] != 1):
        raise Inexpressible("it adds other numbers to each image")
    give_bias(site, lambda: np.broadcast_to(bias.values().reshape(-1) * np.float32(beta), outputs))


def mat_mul(site: Site) -> None:
    """A value times a constant matrix: along channels a convolution of single pixels, else a fully connected layer."""
    if len(site.node.inputs) == 2 and all(name not in site.model.tensors for name in site.node.inputs):
        raise Inexpressible("it multiplies two computed matrices, as attention does")
    if site.node.inputs[0] in site.model.tensors:
        raise Inexpressible("it multiplies a constant by what it reads: it would mix the images or the pixels")
    weight, x = site.needed_tensor(1), site.x
    if len(weight.shape) != 2:
        raise Inexpressible(f"its constant has {len(weight.shape)} axes; weights are a matrix")
    outputs = weight.shape[1]
    if len(x.axes) == 2:
        _fully_connected(site, weight.shape[0], outputs, lambda: weight.values().T)
        return
    _each_pixel(site, weight.shape[0], outputs, lambda: weight.values().T)


def _each_pixel(site: Site, inputs: int, outputs: int, matrix: Callable[[], Array]) -> None:
    """Add a convolution of single pixels, whose channels are the last axis. ``matrix`` returns outputs x inputs."""
    x = site.x
    if x.axes[0][:1] != ("N",) or x.axes[-1] != x.single("C") or any("C" in group for group in x.axes[:-1]):
        sequence = ": pixels are a sequence, as for attention" if x.axes[-1] == x.single("C") else ""
        raise Inexpressible(f"it multiplies along the last axis, and its input is {described(x)}{sequence}")
    _need_inputs(inputs, x.shape.channels)
    if x.shape.is_image:
        shape = Shape(outputs, x.shape.height, x.shape.width)
        keys = {"filters": str(outputs), "kernel": "1"}
        line = weighted_line(site, "conv", x, keys, shape, lambda: matrix()[:, :, None, None])
    else:
        shape = Shape(outputs)
        line = weighted_line(site, "fc", x, {"outputs": str(outputs)}, shape, matrix)
    site.result(x.with_channels_last(line, shape))


def _need_inputs(weights: int, features: int) -> None:
    if weights != features:
        raise Inexpressible(f"its weights are for {weights} features, and its input has {features}")


def _fully_connected(site: Site, inputs: int, outputs: int, matrix: Callable[[], Array]) -> None:
    """Add a fully connected layer, with the weights in the order in which it reads an image: channels, rows, columns.

    ``matrix`` returns the weights, outputs x inputs, in the order in which the model has the inputs.
    """
    x = site.x
    if x.axes[0] != ("N",) or {*x.axes[1]} != {*x.own}:
        raise Inexpressible(f"it reads N x features, and its input is {described(x)}")
    _need_inputs(inputs, x.shape.units)
    lengths = x.lengths

    def weight() -> Array:
        by_axis = matrix().reshape(outputs, *(lengths[axis] for axis in x.axes[1]))
        order = [x.axes[1].index(axis) + 1 for axis in x.own]
        return by_axis.transpose(0, *order).reshape(outputs, math.prod(x.shape))

    line = weighted_line(site, "fc", x, {"outputs": str(outputs)}, Shape(outputs), weight)
    site.result(image(line, Shape(outputs), x.batch))
