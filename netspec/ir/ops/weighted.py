"""Operations with weights: convolution, plain, transposed and unshared; matrix product, bias, numbers per channel.

Weights and connections are counted as in Krizhevsky, Sutskever & Hinton (2012) and the CSC321 notes on it: a
convolution with K x K kernels, C input channels, M filters and a W x H output has K*K*C*M weights and W*H*K*K*C*M
connections, divided by its groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, ParamShape, require_divisible, require_image
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.window import TransposedWindow, Window


class Connected(Op):
    """The base class of operations whose weights connect units: each output unit is a sum of products of weights with
    the input units of its group, plus a bias if there are biases. Only these count connections."""

    __slots__ = ()

    groups: int
    bias: bool

    def _with_bias(self, weight: ParamShape, shape: tuple[int, ...]) -> tuple[ParamShape, ...]:
        """Return the parameters: the weight, and a bias of this shape if there is one."""
        return (weight, ParamShape("bias", shape, weight.fan_in, weight.fan_out)) if self.bias else (weight,)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * self.connections(inputs, output) + (output.units if self.bias else 0)


@dataclass(frozen=True, slots=True)
class Conv(Connected):
    """Cross-correlation with zero padding. Weight: filters x channels/groups x kernel height x kernel width.

    Filter group g reads channel group g. With a ``table`` (and then ``groups`` is 1) each filter reads only the
    channels in its row, and the weights for other channels are 0. The padding and the overhang of a last window are 0.
    """

    filters: int
    window: Window
    groups: int = 1
    bias: bool = True
    table: ConnectionTable | None = None

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "convolves")
        if self.table is not None:
            _need_channels(self.table, x.channels)
        require_divisible(x.channels, self.groups, "input channels", "inputs")
        require_divisible(self.filters, self.groups, "filters", "filters")
        rows, columns = self.window.fit(x.height, x.width)
        return Shape(self.filters, rows.output, columns.output)

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        (x,) = inputs
        read, area = x.channels // self.groups, self.window.area
        fan_in: float = read * area
        fan_out: float = self.filters // self.groups * area
        if self.table is not None:
            kernels = self.table.links * area
            fan_in, fan_out = kernels / self.filters, kernels / x.channels
        shape = (self.filters, read, *self.window.kernel)
        weight = ParamShape("weight", shape, fan_in, fan_out, self.table)
        return self._with_bias(weight, (self.filters,))

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        (x,) = inputs
        if self.table is not None:
            return output.height * output.width * self.table.links * self.window.area
        return output.units * (x.channels // self.groups) * self.window.area


def _need_channels(table: ConnectionTable, channels: int) -> None:
    """Raise ``table-mismatch`` if a row of the table names a channel that the input does not have."""
    for number, row in enumerate(table.rows):
        if row[-1] >= channels:
            written = ConnectionTable((row,))
            raise Fault(
                "table-mismatch",
                f"{{layer}}: filter {number} reads channel {row[-1]}, which its input does not have",
                ("table",),
                (f"{written}: the input has {plural(channels, 'channel')}, counted from 0: {_numbers(channels)}",),
                item=number,
            )


def _numbers(channels: int) -> str:
    return f"0 to {channels - 1}" if channels > 1 else "0"


@dataclass(frozen=True, slots=True)
class Deconv(Connected):
    """Transposed convolution: the adjoint of a cross-correlation, with a bias. Weight: channels x filters/groups x
    kernel height x kernel width, the layout of PyTorch, Caffe and ONNX.

    Each pixel of an input channel adds its value times a kernel to a window of each of the group's filters; the
    window's ``pad`` is cut off the result. Filter group g reads channel group g.

    An output unit away from the borders is a sum over kernel area / stride area input pixels of each channel, on
    average, which is what ``fan_in`` counts. (PyTorch's initialisers count filters/groups x kernel area instead.)
    """

    filters: int
    window: TransposedWindow
    groups: int = 1
    bias: bool = True

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "convolves")
        require_divisible(x.channels, self.groups, "input channels", "inputs")
        require_divisible(self.filters, self.groups, "filters", "filters")
        rows, columns = self.window.fit(x.height, x.width)
        return Shape(self.filters, rows.output, columns.output)

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        (x,) = inputs
        down, right = self.window.stride
        fan_in = x.channels // self.groups * self.window.area / (down * right)
        fan_out = self.filters // self.groups * self.window.area
        shape = (x.channels, self.filters // self.groups, *self.window.kernel)
        # The channels that each group reads are rows of their own. Without groups, each share of the filters reads all.
        weight = ParamShape("weight", shape, fan_in, fan_out, axis=0 if self.groups > 1 else 1)
        return self._with_bias(weight, (self.filters,))

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Return input pixels times weights. What lands on the cut-off border counts, like a convolution's zeros."""
        (x,) = inputs
        return x.units * (self.filters // self.groups) * self.window.area


@dataclass(frozen=True, slots=True)
class Local(Connected):
    """A convolution whose weights are not shared between positions.

    Weight: filters x rows x columns x channels/groups x kernel height x kernel width; bias: one per output unit.
    """

    filters: int
    window: Window
    groups: int = 1
    bias: bool = True

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return Conv(self.filters, self.window, self.groups).shape(inputs)

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        (x,) = inputs
        fan_in = x.channels // self.groups * self.window.area
        fan_out = self.filters // self.groups * self.window.area
        weight = ParamShape("weight", (*output, x.channels // self.groups, *self.window.kernel), fan_in, fan_out)
        return self._with_bias(weight, tuple(output))

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return Conv(self.filters, self.window, self.groups).connections(inputs, output)


@dataclass(frozen=True, slots=True)
class Linear(Connected):
    """A matrix product. Weight: outputs x inputs/groups; output group g reads input group g.

    An image is read as a vector, in the order channels, rows, columns.
    """

    word: ClassVar[str] = "fc"

    outputs: int
    groups: int = 1
    bias: bool = True

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_divisible(x.channels, self.groups, "input channels", "inputs")
        require_divisible(self.outputs, self.groups, "outputs", "outputs")
        return Shape(self.outputs)

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        (x,) = inputs
        fan_in, fan_out = x.units // self.groups, self.outputs // self.groups
        weight = ParamShape("weight", (self.outputs, fan_in), fan_in, fan_out)
        return self._with_bias(weight, (self.outputs,))

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        (x,) = inputs
        return self.outputs * (x.units // self.groups)


@dataclass(frozen=True, slots=True)
class Bias(Op):
    """Adds a learnt number per channel of an image (per feature of a vector), or per unit.

    Bias: channels, or the whole shape. In a layer with several inputs it follows the sum of their products. ``fan_in``
    and ``fan_out`` are those of the sum.
    """

    per: Literal["channel", "unit"] = "channel"
    fan_in: float = 1
    fan_out: float = 1

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        shape = (output.channels,) if self.per == "channel" else tuple(output)
        return (ParamShape("bias", shape, self.fan_in, self.fan_out),)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units


class ChannelScale(Op):
    """Multiplies each channel of an image (each feature of a vector) by a learnt number. Weight: channels.

    Like the scales of a batch normalisation, it counts no connections.
    """

    __slots__ = ()

    word: ClassVar[str] = "affine"

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        return (ParamShape("weight", (output.channels,), 1, 1),)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units


@dataclass(frozen=True, slots=True)
class PRelu(Op):
    """max(0, x) + a min(0, x) with a learnt slope a for each channel of an image (each feature of a vector).

    Weight: channels; 1 if the slope is ``shared`` by all channels. The gradient at 0 is the slope. Like the
    coefficients of a normalisation, the slopes count no connections. He, Zhang, Ren & Sun, Delving deep into
    rectifiers (2015), section 2.1.
    """

    shared: bool = False

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        return (ParamShape("weight", (1 if self.shared else output.channels,), 1, 1),)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units
