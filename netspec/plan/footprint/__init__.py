"""The memory footprint of each operation of a training step, as the ``pytorch`` backend emits it.

From the forward pass torch keeps the tensors that the formulas in its ``derivatives.yaml`` name: a convolution keeps
its input and weight, a ReLU its output, a maximum pooling its input and the int64 indices of the largest pixels. Where
the backend pads an image first, or autocast makes a copy in lower precision, that copy is kept instead of the value.

Under autocast to bfloat16, products and parametric ReLUs take 2 bytes per number. Normalisations other than that of
batches, softmax and losses take 4 (the backend widens them). Everything else takes as many as its input.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.ops import (
    AvgPool,
    BatchNorm,
    Bias,
    BinPool,
    Blur,
    BorderPad,
    ChannelMax,
    ChannelMean,
    ChannelScale,
    ColourSpace,
    Concat,
    Conv,
    Crop,
    Deconv,
    Dropout,
    Flatten,
    GroupNorm,
    Interpolate,
    Linear,
    Local,
    Loss,
    Lrn,
    MapNorm,
    Max,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Product,
    RandomScale,
    Reshape,
    Resize,
    Shuffle,
    Slice,
    Softmax,
    Sum,
    SumPool,
    Upsample,
)
from netspec.ir.widths import FULL
from netspec.plan.footprint.joins import channels, join
from netspec.plan.footprint.model import Footprint, Site
from netspec.plan.footprint.neurons import neuron
from netspec.plan.footprint.norms import norm
from netspec.plan.footprint.weighted import weighted
from netspec.plan.footprint.windows import pool, spatial


def footprint(op: Op, site: Site) -> Footprint:
    """Return an operation's footprint in training mode."""
    match op:
        case Conv(table=table) if table is not None:  # the weight masked by the connection table is kept as well
            dense = weighted(op, site)
            masked = op.filters * site.inputs[0].channels * op.window.area * FULL
            return replace(dense, extra=dense.extra + masked)
        case Conv() | Deconv() | Local() | Linear() | ChannelScale() | PRelu() | Bias():
            return weighted(op, site)
        case Lrn() | MapNorm() | BatchNorm() | GroupNorm() | Dropout():
            return norm(op, site)
        case MaxPool() | AvgPool() | SumPool() | MaxAbsPool():
            return pool(op, site)
        case BinPool() | Blur() | Mirror() | Nailbed() | Crop() | BorderPad() | ColourSpace():
            return spatial(op, site)
        case Resize() | Upsample() | Interpolate() | RandomScale():
            return spatial(op, site)
        case Slice() | Shuffle() | PixelShuffle() | PixelUnshuffle() | ChannelMax() | ChannelMean():
            return channels(op, site)
        case Concat() | Sum() | Max() | Product() | Flatten() | Reshape() | Softmax() | Loss():
            return join(op, site)
        case _:
            return neuron(op, site)
