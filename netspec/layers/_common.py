"""Keys and helpers that several layer types share."""

from __future__ import annotations

import functools
from dataclasses import replace

from netspec.ir.ops import Concat
from netspec.ir.window import ROUNDINGS, Pad, Rounding, Window
from netspec.keys import (
    HE,
    IDENTITY,
    ZERO,
    BiasInit,
    Choice,
    GpuPlace,
    Init,
    Key,
    LayerNames,
    NeuronWord,
    Padding,
    Size2,
    Whole,
)
from netspec.keys.learning import BOUNDS, LEARNING, SUPER_EPS
from netspec.keys.sizes import MAX_SIDE
from netspec.lowering import Lowering

INPUTS = Key("inputs", LayerNames(), "the layers to read", default=None, default_text="the layer above")
GPU = Key(
    "gpu",
    GpuPlace(),
    "the GPU group on which the whole layer is placed. 0,1,2: a whole replica on each of these groups, which share the "
    "images of a batch. all: split over the groups",
    default=None,
    default_text="as the first input",
)
NEURON = Key(
    "neuron",
    NeuronWord(),
    "the activation function applied to the output",
    default=IDENTITY,
    default_text="linear",
    affects_shape=False,
)
READS = Key(
    "reads",
    Choice({"own": "own", "all": "all"}),
    "what a group reads of an input that is split over the GPU groups: its own share, or all of it",
    default="own",
)
PLACED = (INPUTS, GPU)
USUAL = (INPUTS, NEURON, GPU)

KERNEL = Key("kernel", Size2(), "the side of the window, or its height x width", unit="pixels", per_input=True)
STRIDE = Key(
    "stride",
    Size2(),
    "the step between neighbouring windows",
    default=(1, 1),
    default_text="1",
    unit="pixels",
    per_input=True,
)
PAD = Key(
    "pad",
    Padding(),
    "zeros added around the image: one number for all sides, or left,right,top,bottom. If the layer has exactly four "
    "inputs, four numbers are one for each input",
    default=Pad(0, 0, 0, 0),
    default_text="0",
    unit="pixels",
    per_input=True,
)
DILATION = Key(
    "dilation",
    Size2(),
    "the step between neighbouring pixels of the window",
    default=(1, 1),
    default_text="1",
    unit="pixels",
    per_input=True,
)
ROUNDING = Key(
    "rounding",
    Choice({r: r for r in ROUNDINGS}),
    "the rule for a last window that does not fit. exact: an error. down: the window is dropped. up: it overhangs at "
    "the right and bottom. caffe: convolutions round down, poolings round up but drop windows that start outside",
    default="exact",
    default_text="that of the net line, or exact",
)
GROUPS = Key(
    "groups",
    Whole(),
    "number of groups into which the input channels are divided; each group has its own filters",
    default=1,
    per_input=True,
)
SPREAD = Key(
    "spread",
    Whole(high=MAX_SIDE),
    "number of copies of the input channels that are concatenated before they are divided into groups",
    default=1,
    per_input=True,
)
BIAS_PER = Key(
    "bias_per",
    Choice({"channel": "channel", "unit": "unit"}),
    "channel: one bias for each filter. unit: one at each position of a filter",
    default="channel",
)

INIT = Key(
    "init",
    Init(),
    "the distribution of the initial weights",
    default=HE,
    default_text="he",
    per_input=True,
    affects_shape=False,
)
INIT_OF_KERNELS = replace(INIT, kind=Init(of_kernels=True))
BIAS = Key(
    "bias",
    BiasInit(),
    "the initial biases: a number or a distribution. none: the layer has no biases",
    default=ZERO,
    default_text="0",
    affects_shape=False,
)
WEIGHTS_OF = Key(
    "weights", LayerNames(), "an earlier layer whose weights are used", default=None, default_text="own weights"
)
PLACES = (
    "Height and width: (size + padding before + padding after - extent) / stride + 1, where extent is (kernel - 1) * "
    "dilation + 1; if this is not a whole number, `rounding` decides. Channels:"
)
"""The shape rule of layers with a window, for ``LayerType.rule``."""

OUTSIDE = Key(
    "outside",
    Choice({"error": False, "bias": True}),
    "the output of a window that is entirely outside the image. error: not allowed. bias: the bias, because the window "
    "reads only zeros",
    default=False,
    default_text="error",
)

WINDOWED = (KERNEL, STRIDE, PAD, DILATION, ROUNDING, OUTSIDE)
_LEARNT = (BIAS, WEIGHTS_OF, *LEARNING, SUPER_EPS)
WEIGHTED = (INIT, *_LEARNT, *BOUNDS, READS)
LEARNT_KERNELS = (INIT_OF_KERNELS, *_LEARNT)
WEIGHTED_KERNELS = (*LEARNT_KERNELS, *BOUNDS, READS)


def lay_out(low: Lowering) -> None:
    """Replace each input by ``spread`` copies of its channels, one after the other.

    If each GPU group reads only its own share, the copies are made within each share.
    """
    copies = [low.value_for("spread", i) for i in range(len(low.operands))]
    low.operands = tuple(
        low.emit(Concat(low.shares(operand)), *(operand,) * times) if times > 1 else operand
        for operand, times in zip(low.operands, copies, strict=True)
    )


def window(low: Lowering, index: int) -> Window:
    """Return the window for one of the layer's inputs."""
    kernel, stride, pad, dilation = (low.value_for(key, index) for key in ("kernel", "stride", "pad", "dilation"))
    return _window(kernel, stride, pad, dilation, low["rounding"], low["outside"])


@functools.lru_cache(maxsize=1024)
def _window(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pad: Pad,
    dilation: tuple[int, int],
    rounding: Rounding,
    outside: bool,
) -> Window:
    """Return the window with these properties. Layers share equal ones."""
    return Window(kernel, stride, pad, dilation, rounding, outside=outside)
