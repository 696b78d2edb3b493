"""Keys and helpers that several layer types share."""

from __future__ import annotations

from netspec.ir.ops import Concat
from netspec.ir.window import ROUNDINGS, Pad, Rounding, Window, WindowKind
from netspec.keys import (
    BOUND,
    HE,
    IDENTITY,
    ZERO,
    BiasInit,
    Choice,
    GpuPlace,
    Init,
    Key,
    Kind,
    LayerNames,
    NeuronWord,
    OrNone,
    Padding,
    Real,
    Size2,
    Whole,
    training_keys,
)
from netspec.keys.schedules import OwnScheduleWord
from netspec.layers._bounds import BOUNDS
from netspec.lowering import Lowering

INPUTS = Key("inputs", LayerNames(), "the layers that it reads", default=None, default_text="the layer above")
GPU = Key(
    "gpu",
    GpuPlace(),
    "the GPU group that holds the whole layer; 0,1,2: whole replicas on these groups, which share the batch's images; "
    "all: split over the groups",
    default=None,
    default_text="as its first input",
)
NEURON = Key(
    "neuron",
    NeuronWord(),
    "the function applied to its output",
    default=IDENTITY,
    default_text="linear",
    affects_shape=False,
)
READS = Key(
    "reads",
    Choice({"own": "own", "all": "all"}),
    "what it reads of an input that is split over the GPU groups: its own group's share, or all of it",
    default="own",
)
PLACED = (INPUTS, GPU)
USUAL = (INPUTS, NEURON, GPU)

KERNEL = Key("kernel", Size2(), "the window's side, or height x width", unit="pixels", per_input=True)
STRIDE = Key(
    "stride", Size2(), "the step from window to window", default=(1, 1), default_text="1", unit="pixels", per_input=True
)
PAD = Key(
    "pad",
    Padding(),
    "padding on all sides, or left,right,top,bottom; with exactly four inputs, four numbers are one for each input",
    default=Pad(0, 0, 0, 0),
    default_text="0",
    unit="pixels",
    per_input=True,
)
DILATION = Key(
    "dilation",
    Size2(),
    "the step from pixel to pixel inside the window",
    default=(1, 1),
    default_text="1",
    unit="pixels",
    per_input=True,
)
ROUNDING = Key(
    "rounding",
    Choice({r: r for r in ROUNDINGS}),
    "what happens to a last window that does not fit: exact makes it an error, down leaves it out, up lets it overhang "
    "right and below, caffe rounds convolutions down and pooling up, without windows that start outside",
    default="exact",
    default_text="the net line's, or exact",
)
GROUPS = Key(
    "groups", Whole(), "number of equal runs of input channels, each read by its own filters", default=1, per_input=True
)
SPREAD = Key(
    "spread",
    Whole(),
    "how many copies of the input's channels are laid side by side before groups divide them",
    default=1,
    per_input=True,
)
BIAS_PER = Key(
    "bias_per",
    Choice({"channel": "channel", "unit": "unit"}),
    "whether a filter has one bias, or one at each place",
    default="channel",
)

INIT = Key(
    "init",
    Init(),
    "what the weights are drawn from",
    default=HE,
    default_text="he",
    per_input=True,
    affects_shape=False,
)
BIAS = Key(
    "bias", BiasInit(), "the biases' initial value; none: no bias", default=ZERO, default_text="0", affects_shape=False
)
WEIGHTS_OF = Key(
    "weights", LayerNames(), "an earlier layer whose weights it uses", default=None, default_text="its own"
)
_RATE, _SHARE = Real(low=0), Real(low=0, below=1)


def _of_weights(name: str, kind: Kind, doc: str) -> Key:
    """A key for the training of weights, with one value for each input if desired."""
    return Key(name, kind, doc, default=None, default_text="the train line's", affects_shape=False, per_input=True)


def _of_biases(name: str, kind: Kind, doc: str, otherwise: str) -> Key:
    return Key(name, kind, doc, default=None, default_text=otherwise, affects_shape=False)


LEARNING = training_keys(
    _of_weights("lr", _RATE, "learning rate of the weights"),
    Key(
        "lr_mult", _RATE, "factor on the learning rate of the weights", default=1.0, affects_shape=False, per_input=True
    ),
    _of_weights("schedule", OwnScheduleWord(), "how the learning rate of the weights changes; the warm-up still holds"),
    _of_weights("momentum", _SHARE, "momentum of the weights"),
    _of_weights("decay", _RATE, "weight decay of the weights"),
    Key(
        "decay_mult",
        _RATE,
        "factor on the weight decay of the weights",
        default=1.0,
        affects_shape=False,
        per_input=True,
    ),
    _of_biases("bias_lr", _RATE, "learning rate of the biases", "that of the (first) weights, without their factor"),
    Key("bias_lr_mult", _RATE, "factor on the learning rate of the biases", default=1.0, affects_shape=False),
    _of_biases(
        "bias_schedule",
        OwnScheduleWord(),
        "how the learning rate of the biases changes; the warm-up still holds",
        "the train line's, or that of the (first) weights",
    ),
    _of_biases("bias_momentum", _SHARE, "momentum of the biases", "that of the (first) weights"),
    _of_biases("bias_decay", _RATE, "weight decay of the biases", "the train line's, or 0"),
    Key("bias_decay_mult", _RATE, "factor on the weight decay of the biases", default=1.0, affects_shape=False),
    Key(
        "update_every",
        OrNone(Whole()),
        "after how many parts of a batch (the train line's accumulate says how many there are) weights and biases are "
        "updated, by the mean gradient of these parts' images; other layers are updated at the end of the batch",
        default=None,
        default_text="none: once a batch",
        unit="parts",
        affects_shape=False,
    ),
)
PLACES = (
    "Along each axis (size + padding before + padding after - extent) / stride + 1, with extent = (kernel - 1) * "
    "dilation + 1; if that is not a whole number, `rounding` decides"
)
"""The shape rule of layers with a window, for ``LayerType.rule``."""

OUTSIDE = Key(
    "outside",
    Choice({"error": False, "bias": True}),
    "what a window that lies wholly outside the image gives: an error, or the bias alone, since it reads zeros",
    default=False,
    default_text="error",
)

WINDOWED = (KERNEL, STRIDE, PAD, DILATION, ROUNDING, OUTSIDE)
SUPER_EPS = Key(
    "super_eps",
    BOUND,
    "for the weights only, superEps of cuda-convnet of 2012: v <- 0.9 v - lr g / sqrt(mean of g^2 + mean of g + "
    "super_eps), then w <- w + v, with running means m <- momentum m + (1 - momentum) g, and without weight decay",
    default=None,
    default_text="none",
    affects_shape=False,
    per_input=True,
)
WEIGHTED = (INIT, BIAS, WEIGHTS_OF, *LEARNING, SUPER_EPS, *BOUNDS, READS)


def lay_out(low: Lowering) -> None:
    """Replace each input by ``spread`` copies of its channels, one after the other.

    If each GPU group reads only its own share, the copies are made within each share.
    """
    copies = [low.value_for("spread", i) for i in range(len(low.operands))]
    low.operands = tuple(
        low.emit(Concat(low.shares(operand)), *(operand,) * times) if times > 1 else operand
        for operand, times in zip(low.operands, copies, strict=True)
    )


def window(low: Lowering, index: int = 0, kind: WindowKind = "conv") -> Window:
    """Return the window for one of the layer's inputs."""
    rounding: Rounding = low["rounding"]
    return Window(
        kernel=low.value_for("kernel", index),
        stride=low.value_for("stride", index),
        pad=low.value_for("pad", index),
        dilation=low.value_for("dilation", index),
        rounding=rounding,
        kind=kind,
        outside=low["outside"],
    )
