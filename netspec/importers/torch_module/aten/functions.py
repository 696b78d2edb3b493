"""Fully connected layers, activation functions and arithmetic of PyTorch."""

from __future__ import annotations

import math

import numpy as np

from netspec.importers.spec.problem import NO_SOFTPLUS, Inexpressible
from netspec.importers.torch_module.calls import Call, Convert


def linear(call: Call) -> None:
    """A fully connected layer, or one of each pixel for a value with more axes."""
    x, bias, rank = call.value(call.get("input")), call.get("bias"), len(call.sizes("input"))
    if rank == 2:
        call.emit("Gemm", x, call.value(call.get("weight")), call.value(bias), transB=1)
        return
    weight = call.tensor(call.get("weight"))
    turned = call.view(weight, "turned", weight.shape[::-1], np.transpose)
    if bias is None:
        call.emit("MatMul", x, turned)
    else:
        call.emit("Add", call.inner("MatMul", x, turned, sizes=call.output), call.value(bias))


def matrix_product(call: Call) -> None:
    """The product of two matrices, one of them constant."""
    a, b = (call.arguments[name] for name in call.arguments if name in ("self", "other", "mat2"))
    call.emit("MatMul", call.value(a), call.value(b))


def prelu(call: Call) -> None:
    """ReLU with slopes, one for each channel, axis 1, or one for all."""
    slopes, rank = call.tensor(call.get("weight")), len(call.output)
    shape = (slopes.size, *(1,) * (rank - 2)) if slopes.size > 1 else (1,)
    call.emit("PRelu", call.value(call.get("self")), call.view(slopes, "upright", shape, lambda v: v.reshape(shape)))


def function(op: str, **attributes: str) -> Convert:
    """Return the conversion to an operator of the tensor arguments, with attributes from arguments of other names."""

    def convert(call: Call) -> None:
        given = {key: call.get(name) for key, name in attributes.items() if call.get(name) is not None}
        call.emit(op, call.value(next(iter(call.arguments.values()))), **given)

    return convert


def softplus(call: Call) -> None:
    """log(1 + e^x), a part of mish. Above its threshold PyTorch's is x, which differs by 2e-9 at most from 20 on."""
    if call.get("beta", 1) != 1 or call.get("threshold", 20) < 20:
        raise Inexpressible(NO_SOFTPLUS)
    call.emit("Softplus", call.value(call.get("self")))


def elu(call: Call) -> None:
    """elu without the factors of selu."""
    if call.get("scale", 1) != 1 or call.get("input_scale", 1) != 1:
        raise Inexpressible("it scales what it reads or returns, as selu does; a spec's elu does not")
    call.emit("Elu", call.value(call.get("self")), alpha=float(call.get("alpha", 1)))


def selu(call: Call) -> None:
    """selu, with PyTorch's numbers (aten/src/ATen/native/Activation.cpp)."""
    numbers = {"alpha": 1.6732632423543772848170429916717, "gamma": 1.0507009873554804934193349852946}
    call.emit("Selu", call.value(call.get("self")), **numbers)


def threshold(call: Call) -> None:
    """threshold with the numbers of relu."""
    if call.get("threshold") != 0 or call.get("value") != 0:
        raise Inexpressible("its numbers are not 0; a spec's relu puts 0 in place of what is below 0")
    call.emit("Relu", call.value(call.get("self")))


def gated(call: Call) -> None:
    """glu: the first half of an axis times the logistic function of the second."""
    x, sizes = call.get("self"), call.output
    axis = call.get("dim", -1) % len(sizes)
    halves = tuple(f"{call.node.name}:{half}" for half in ("value", "gate"))
    call.add("Split", (call.value(x),), halves, {"axis": axis, "split": [sizes[axis]] * 2}, sizes)
    call.building.shapes[halves[1]] = sizes
    call.emit("Mul", halves[0], call.inner("Sigmoid", halves[1], sizes=sizes))


def zeros_like(call: Call) -> None:
    """As many zeros as another value has numbers: that value times 0."""
    call.emit("Mul", call.value(call.get("self")), call.constant(np.float64(0)))


def product_and_sum(call: Call) -> None:
    """addmm: a product of two matrices, and a term."""
    inputs = (call.value(call.get(name)) for name in ("mat1", "mat2", "self"))
    call.emit("Gemm", *inputs, alpha=float(call.get("alpha", 1)), beta=float(call.get("beta", 1)))


def bounded(low: str, high: str) -> Convert:
    """Return the conversion of a function with limits: numbers, or the names of arguments that are."""

    def limit(call: Call, name: str, otherwise: float) -> float:
        value = call.get(name, otherwise)
        if not isinstance(value, (int, float)):
            raise Inexpressible("its limits are computed")
        return float(value)

    def convert(call: Call) -> None:
        limits = {"min": limit(call, low, -math.inf), "max": limit(call, high, math.inf)}
        call.emit("Clip", call.value(call.get("self")), **limits)

    return convert


def relu6(call: Call) -> None:
    """max(0, min(6, x))."""
    call.emit("Clip", call.value(call.get("self")), min=0.0, max=6.0)


def hard_sigmoid(call: Call) -> None:
    """max(0, min(1, x / 6 + 1 / 2))."""
    call.emit("HardSigmoid", call.value(call.get("self")), alpha=1 / 6, beta=0.5)


def arithmetic(op: str) -> Convert:
    """Return the conversion of an operator on two values or numbers, of which the second may have a factor."""

    def convert(call: Call) -> None:
        if call.get("rounding_mode") is not None:
            raise Inexpressible("it rounds to whole numbers")
        call.emit(op, call.value(call.get("self")), _scaled(call, "other"))

    return convert


def _scaled(call: Call, name: str) -> str:
    """Return an argument times ``alpha``."""
    value, alpha = call.get(name), call.get("alpha", 1)
    if alpha == 1:
        return call.value(value)
    if not hasattr(value, "meta"):  # a number
        return call.constant(np.float64(value * alpha))
    return call.inner("Mul", call.value(value), call.constant(np.float64(alpha)), sizes=call.sizes(name))


def reversed_subtraction(call: Call) -> None:
    """rsub: the second value minus the first."""
    call.emit("Sub", call.value(call.get("other")), _scaled(call, "self"))


def maximum(call: Call) -> None:
    """The larger of two values, or the maximum over one axis."""
    (arithmetic("Max") if "other" in call.arguments else reduction("ReduceMax"))(call)


def minimum(call: Call) -> None:
    """The smaller of two values."""
    if "other" not in call.arguments:
        raise Inexpressible("it takes minima over an axis; a spec takes means and maxima")
    arithmetic("Min")(call)


def power(call: Call) -> None:
    """x to the power of a number."""
    call.emit("Pow", call.value(call.get("self")), call.value(call.get("exponent")))


def reciprocal(call: Call) -> None:
    """1 / x."""
    call.emit("Div", call.constant(np.float64(1)), call.value(call.get("self")))


def reciprocal_root(call: Call) -> None:
    """1 / sqrt(x)."""
    root = call.inner("Sqrt", call.value(call.get("self")), sizes=call.output)
    call.emit("Div", call.constant(np.float64(1)), root)


def variance(call: Call) -> None:
    """The mean of the squares of differences from the mean."""
    rank, axes = len(call.sizes("self")), call.get("dim")
    if call.get("correction", int(call.get("unbiased", True))) != 0:
        raise Inexpressible("it divides by one less than the number of values; unbiased=False divides by the number")
    axes = [*range(rank)] if axes in (None, []) else [axes] if isinstance(axes, int) else [*axes]
    x, sizes = call.value(call.get("self")), call.sizes("self")
    reduced = {axis % rank for axis in axes}
    kept = tuple(1 if axis in reduced else size for axis, size in enumerate(sizes))
    mean = call.inner("ReduceMean", x, sizes=kept, axes=axes, keepdims=1)
    difference = call.inner("Sub", x, mean, sizes=sizes)
    square = call.inner("Mul", difference, difference, sizes=sizes)
    call.emit("ReduceMean", square, axes=axes, keepdims=int(call.get("keepdim", False)))


def reduction(op: str) -> Convert:
    """Return the conversion of a mean, a sum or a maximum over some axes, by default all."""

    def convert(call: Call) -> None:
        axes = call.get("dim")
        rank = len(call.sizes("self"))
        axes = [*range(rank)] if axes in (None, []) else [axes] if isinstance(axes, int) else [*axes]
        call.emit(op, call.value(call.get("self")), axes=axes, keepdims=int(call.get("keepdim", False)))

    return convert
