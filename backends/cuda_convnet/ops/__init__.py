"""Emit operations as sections. No layer's main operation is missing from both tables."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir import ops

from ..site import Emissions, Site
from . import joins, maps, weighted

EMITTED: Emissions = {**weighted.EMITTED, **maps.EMITTED, **joins.EMITTED}
UNSUPPORTED: Mapping[type[ops.Op], tuple[str, tuple[str, ...]]] = {
    ops.BatchNorm: ("cuda-convnet is older than batch normalisation", ("lrn",)),
    **dict.fromkeys(
        (ops.LayerNorm, ops.GroupNorm),
        ("cuda-convnet is older than layer and group normalisation", ("lrn",)),
    ),
    **dict.fromkeys(
        (ops.Upsample, ops.Interpolate),
        ("cuda-convnet enlarges maps only by sampling around their centre", ("resize step=0.5",)),
    ),
    ops.BinPool: ("cuda-convnet pools only windows of the same size", ("avgpool",)),
    **dict.fromkeys((ops.EdgePad, ops.ReflectPad), ("cuda-convnet pads only with zeros", ("zeropad",))),
    ops.Deconv: ("cuda-convnet has no transposed convolution", ("resize step=0.5",)),
    ops.ChannelScale: ("cuda-convnet has no learnt coefficients of channels", ("neuron=linear(0.25, 0)",)),
    ops.PRelu: ("cuda-convnet is older than parametric ReLUs", ("leakyrelu",)),
    ops.Slice: ("cuda-convnet has no layer that takes some of the channels", ("groups", "table")),
    **dict.fromkeys(
        (ops.PixelShuffle, ops.PixelUnshuffle),
        ("cuda-convnet has no layer that turns channels into pixels or back", ("resize step=0.5", "maxpool")),
    ),
    **dict.fromkeys(
        (ops.ChannelMax, ops.ChannelMean),
        ("cuda-convnet reduces channels only with weights", ("conv filters=1 kernel=1",)),
    ),
    ops.Shuffle: ("cuda-convnet has no layer that rearranges channels", ("reads=all", "table")),
    ops.Product: ("cuda-convnet multiplies no outputs of layers", ("sum",)),
}
"""Operations that neither version supports: the reason, and alternatives to suggest."""


def main(site: Site) -> ops.Op:
    """Return the operation that decides the type of a layer's section: the one with weights, else the first."""
    operations = [node.op for node in site.nodes]
    weighted = (op for op in operations if isinstance(op, ops.Connected))
    return next(weighted, operations[0])
