"""Transposed convolution."""

from netspec.ir.ops import Deconv
from netspec.ir.window import Pad, TransposedWindow
from netspec.keys import Key, Padding, Size2, Whole
from netspec.layers._keys import LEARNT_KERNELS, READS, USUAL
from netspec.layers._windows import DILATION, GROUPS
from netspec.lowering import LayerType, Lowering

KEYS = (
    Key("filters", Whole(), "number of output channels, over all groups", unit="channels"),
    Key(
        "kernel",
        Size2(),
        "the side of the window of the output to which each pixel adds, or its height x width",
        unit="pixels",
        per_input=True,
    ),
    Key(
        "stride",
        Size2(),
        "the step in the output between the windows of neighbouring pixels: 2 about doubles the sides",
        default=(1, 1),
        default_text="1",
        unit="pixels",
        per_input=True,
    ),
    Key(
        "pad",
        Padding(signed=True),
        "what is cut off the output: one number for all sides, or left,right,top,bottom. A negative number adds pixels "
        "that only get the bias. If the layer has exactly four inputs, four numbers are one for each input",
        default=Pad(0, 0, 0, 0),
        default_text="0",
        unit="pixels",
        per_input=True,
    ),
    DILATION,
    GROUPS,
    *LEARNT_KERNELS,
    READS,
    *USUAL,
)


def lower(low: Lowering) -> None:
    low.emit_weighted(lambda i, bias: Deconv(low["filters"], _window(low, i), low.groups_for(i), bias))


def _window(low: Lowering, index: int) -> TransposedWindow:
    kernel, stride, pad, dilation = (low.value_for(key, index) for key in ("kernel", "stride", "pad", "dilation"))
    return TransposedWindow(kernel, stride, pad, dilation)


TYPE = LayerType(
    "deconv",
    "Transposed convolution, also called deconvolution or up-convolution: each pixel adds its value times the kernel "
    "to a window of the output, so that a stride above 1 enlarges the map. Weights are in x filters / groups x height "
    "x width, as those of PyTorch, Caffe and ONNX. If the layer has several inputs, there is a kernel for each, and "
    "the results are summed.",
    lower,
    keys=KEYS,
    arity=(1, None),
    grouping="weights",
    rule="Height and width: (size - 1) * stride + extent - pad before - pad after, where extent is (kernel - 1) * "
    "dilation + 1. Channels: the number of filters.",
    example="[image] input 64x28x28\n[up] deconv filters=32 kernel=2 stride=2 -> 32x56x56",
)
