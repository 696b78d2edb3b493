"""Test cases of other projects as netspec networks with weights and input images.

The functions here convert the peer's layout. Axes before the one that an operator works along become the batch, and
those after it pixels; a tensor without a batch is one image, and a row of pixels (N,C,L) is an image of height 1.
Cases that no spec can express raise ``DoesNotApply`` with a ``Reason``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from building import Builder
from numpy.typing import NDArray

from netspec import backend
from netspec.ir import ops
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.ir.verify import verify
from netspec.ir.window import TransposedWindow, Window

Array = NDArray[np.float64]
Pair = tuple[int, int]


class Reason(StrEnum):
    """Why a case does not apply."""

    VOLUME = "kernels with weights along three axes"
    NUMBERS = "numbers that are not real, or a type of them: a spec states none"
    OUTPUTS = "further outputs are asked for: the places of maxima, what was dropped, running statistics"
    RANDOM = "random choices of another generator"
    BROADCAST = "factors that are repeated along other axes than the pixels of a map"
    APPROXIMATION = "an approximation of a function"
    EPS = "an eps below 0"
    CHANNELS = "a tensor without an axis for channels"
    DIVISOR = "an average in which padding counts and overhang does not, or with a divisor of 0"


class DoesNotApply(Exception):
    """The case needs something that no spec can express."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Equivalent:
    """netspec's equivalent of a case.

    ``images`` are the network's input (N x its shape); ``to_peer`` turns its output into the peer's layout.
    """

    graph: Graph
    images: Array
    weights: dict[str, Array] = field(default_factory=dict)
    to_peer: Callable[[Array], Array] = lambda output: output

    def reference(self) -> Array:
        """Run the network on the reference backend."""
        statistics = {key: values for key, values in self.weights.items() if "running" in key}
        run = backend.load("reference").run(self.graph, self.weights, self.images, statistics=statistics)
        return self.to_peer(run.output)

    def pytorch(self, dtype: torch.dtype) -> Array:
        """Run the network as a PyTorch module in this type."""
        module = backend.load("pytorch").module(self.graph).to(dtype).eval()
        tensors = {key: torch.tensor(values, dtype=dtype) for key, values in self.weights.items()}
        missing, unexpected = module.load_state_dict(tensors, strict=False)
        assert not unexpected and all("num_batches" in key for key in missing)
        with torch.no_grad():
            output = module(torch.tensor(self.images, dtype=dtype))
        return self.to_peer(output.double().numpy())

    def onnx(self) -> Array:
        """Export the network as an ONNX file and run it on onnxruntime."""
        import onnxruntime

        weights = {key: values.astype(np.float32) for key, values in self.weights.items()}
        model = backend.load("onnx_file").model(self.graph, weights, spec="")
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return self.to_peer(session.run(["y"], {"image": self.images.astype(np.float32)})[0])


def single(op: ops.Op, x: Array, to_peer: Callable[[Array], Array] = lambda y: y, **params: Array) -> Equivalent:
    """A single operation. ``x`` is N,C,H,W or N,F; ``params`` are its parameters and running statistics."""
    builder = Builder()
    builder.add("y", op, builder.input(*x.shape[1:]))
    return Equivalent(verify(builder.graph()), x, {f"y.{name}": values for name, values in params.items()}, to_peer)


def elementwise(op: ops.Op, x: Array) -> Equivalent:
    """An elementwise function, for which the shape of ``x`` does not matter."""
    return single(op, x.reshape(1, -1), lambda y: y.reshape(x.shape))


def to_images(x: Array, batched: bool = True) -> tuple[Array, Callable[[Array], Array]]:
    """Return a tensor as N,C,H,W, and a function that converts an output back to its layout."""
    axes = x.ndim if batched else x.ndim + 1
    batch = x if batched else x[None]
    batch = batch if axes == 4 else batch[:, :, None]

    def to_peer(y: Array) -> Array:
        y = y if axes == 4 else y[:, :, 0]
        return y if batched else y[0]

    return batch, to_peer


def conv(
    x: Array, weight: Array, bias: Array | None, window: Window, groups: int = 1, *, batched: bool = True
) -> Equivalent:
    """A convolution; ``weight`` is F,C/G,h,w, or F,C/G,w for images of one row."""
    images, to_peer = to_images(x, batched)
    weight = weight if weight.ndim == 4 else weight[:, :, None]
    params = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return single(ops.Conv(len(weight), window, groups, bias is not None), images, to_peer, **params)


def deconv(
    x: Array, weight: Array, bias: Array | None, window: TransposedWindow, groups: int = 1, *, batched: bool = True
) -> Equivalent:
    """A transposed convolution; ``weight`` is C,F/G,h,w, or C,F/G,w for images of one row."""
    images, to_peer = to_images(x, batched)
    weight = weight if weight.ndim == 4 else weight[:, :, None]
    params = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return single(ops.Deconv(weight.shape[1] * groups, window, groups, bias is not None), images, to_peer, **params)


def max_pool(x: Array, *windows: Window, batched: bool = True) -> Equivalent:
    """Max pooling; volumes take one window over the first axis and one over the other two."""
    return _pool(ops.MaxPool, x, windows, batched)


def avg_pool(
    x: Array, *windows: Window, padding_counts: bool = False, divisor: float | None = None, batched: bool = True
) -> Equivalent:
    """Average pooling, with windows as in ``max_pool``. If padding counts or a divisor is given, it is a scaled sum."""
    padded = any(window.pad != (0, 0, 0, 0) for window in windows)
    if divisor is None and not (padding_counts and padded):
        return _pool(ops.AvgPool, x, windows, batched)
    overhang = any(_overhangs(window, *size) for window, size in zip(windows, _pooled_planes(x, batched), strict=True))
    if divisor == 0 or (divisor is None and overhang):
        raise DoesNotApply(Reason.DIVISOR)
    return _pool(ops.SumPool, x, windows, batched, 1 / (divisor or math.prod(window.area for window in windows)))


def _pool(
    op: type[ops.MaxPool | ops.AvgPool | ops.SumPool],
    x: Array,
    windows: Sequence[Window],
    batched: bool,
    factor: float = 1.0,
) -> Equivalent:
    """Pooling. Volumes are pooled in two steps: within each plane, and then along the depth for each pixel."""
    builder = Builder()
    if len(windows) == 1:
        images, to_peer = to_images(x, batched)
        builder.add("pool", op(windows[0]), builder.input(*images.shape[1:]))
    else:
        n, channels, depth, rows, columns = x.shape
        images = x.reshape(n, channels * depth, rows, columns)
        planes = builder.add("planes", op(windows[1]), builder.input(*images.shape[1:]))
        _, rows, columns = builder.nodes[planes].output
        builder.add(
            "pool", op(windows[0]), builder.add("lines", ops.Reshape(Shape(channels, depth, rows * columns)), planes)
        )

        def to_peer(y: Array) -> Array:
            return y.reshape(n, channels, -1, rows, columns)

    builder.add("y", ops.LinearNeuron(factor), "pool")
    return Equivalent(verify(builder.graph()), images, to_peer=to_peer)


def _pooled_planes(x: Array, batched: bool) -> tuple[Pair, ...]:
    """The height and width that each window of a pooling moves over."""
    pixels = x.shape[2 if batched else 1 :]
    return ((pixels[0], 1), pixels[1:]) if len(pixels) == 3 else ((1, *pixels)[-2:],)


def _overhangs(window: Window, height: int, width: int) -> bool:
    """Whether a last window reaches beyond the padding."""
    read = window.effective_pad(height, width)
    return read.right > window.pad.right or read.bottom > window.pad.bottom


def lrn(x: Array, size: int, alpha: float, beta: float, k: float) -> Equivalent:
    """Normalisation across channels; ``alpha`` is divided by the window's size. Pixels may have any layout."""
    images = x.reshape(*x.shape[:2], 1, math.prod(x.shape[2:]))
    return single(ops.Lrn(size, k, alpha / size, beta), images, lambda y: y.reshape(x.shape))


def linear(x: Array, weight: Array, bias: Array | None = None) -> Equivalent:
    """A matrix product along the last axis: x times the weight transposed."""
    params = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    shape = (*x.shape[:-1], len(weight))
    op = ops.Linear(len(weight), bias=bias is not None)
    return single(op, x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), lambda y: y.reshape(shape), **params)


def softmax(x: Array, axis: int, end: int | None = None) -> Equivalent:
    """Softmax over one axis, or over all from ``axis`` on (``end`` is then the number of axes)."""
    axis %= x.ndim
    end = axis + 1 if end is None else end
    images = x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:end]), 1, math.prod(x.shape[end:]))
    return single(ops.Softmax(), images, lambda y: y.reshape(x.shape))


def flatten(x: Array, axis: int) -> Equivalent:
    """Merge the axes from ``axis`` on into one, and those before it into another."""
    axis = axis % x.ndim if axis < 0 else axis
    inner = (*x.shape[axis:], 1, 1, 1)[: max(3, x.ndim - axis)]
    shape = (*inner[:2], math.prod(inner[2:]))
    return single(ops.Flatten(), x.reshape(math.prod(x.shape[:axis]), *shape))


def batch_norm(x: Array, weight: Array, bias: Array, mean: Array, variance: Array, eps: float) -> Equivalent:
    """Batch normalisation with given statistics. Pixels may have any layout."""
    images = x.reshape(*x.shape[:2], 1, math.prod(x.shape[2:]))
    params = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    return single(ops.BatchNorm(eps, 0.1), images, lambda y: y.reshape(x.shape), **params)


def prelu(x: Array, slopes: Array) -> Equivalent:
    """Slopes along neighbouring axes: those before are the batch, those after pixels."""
    sizes = (*(1,) * (x.ndim - slopes.ndim), *slopes.shape)
    own = [axis for axis, size in enumerate(sizes) if size > 1] or [1]
    first, end = own[0], own[-1] + 1
    shape = tuple(math.prod(part) for part in (x.shape[:first], x.shape[first:end], x.shape[end:]))
    images = x.reshape(shape[0], shape[1], 1, shape[2])
    return single(ops.PRelu(slopes.size == 1), images, lambda y: y.reshape(x.shape), weight=slopes.ravel())


def layer_norm(x: Array, weight: Array, bias: Array, axis: int, eps: float) -> Equivalent:
    """Normalisation over all axes from ``axis`` on, which are the units of a vector."""
    axis %= x.ndim
    rows = x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    return single(ops.LayerNorm(eps), rows, lambda y: y.reshape(x.shape), weight=weight.ravel(), bias=bias.ravel())


def group_norm(x: Array, weight: Array, bias: Array, groups: int, eps: float) -> Equivalent:
    """Normalisation of groups of channels. Pixels may have any layout."""
    images = x.reshape(*x.shape[:2], 1, math.prod(x.shape[2:]))
    return single(ops.GroupNorm(eps, groups), images, lambda y: y.reshape(x.shape), weight=weight, bias=bias)


def join(op: type[ops.Sum | ops.Max | ops.Concat], values: Sequence[Array], axis: int = 0) -> Equivalent:
    """Join several values. They are channels of one input, from which 1x1 convolutions select each value."""
    axis %= values[0].ndim
    before, after = values[0].shape[:axis], values[0].shape[axis + 1 :]
    batch, pixels = math.prod(before), math.prod(after)
    parts = [value.reshape(batch, value.shape[axis], 1, pixels) for value in values]
    images = np.concatenate(parts, axis=1)
    builder, weights, start = Builder(), {}, 0
    source = builder.input(*images.shape[1:])
    for number, part in enumerate(parts):
        name = builder.add(f"x{number}", ops.Conv(part.shape[1], Window((1, 1)), bias=False), source)
        weights[f"{name}.weight"] = np.eye(images.shape[1])[start : start + part.shape[1], :, None, None]
        start += part.shape[1]
    builder.add("y", op(), *(f"x{number}" for number in range(len(parts))))
    return Equivalent(verify(builder.graph()), images, weights, lambda y: y.reshape(*before, y.shape[1], *after))


def pair(value: Any) -> Pair:
    """Return a number, or a list of one or two numbers, as two numbers."""
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def same_padding(size: int, kernel: int, stride: int, dilation: int, *, more_before: bool = False) -> Pair:
    """The pads before and after an axis that give ceil(size / stride) positions; an odd total has one more after it."""
    total = max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if more_before else (small, large)
