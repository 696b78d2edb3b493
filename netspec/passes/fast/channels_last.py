"""The channels-last memory format for images, maps and kernels.

Shapes stay N,C,H,W, but in memory the channels of a pixel lie side by side: of 96x55x55, the 96 numbers of a pixel, not
the 55 x 55 of a channel. Matrix units multiply such runs as they are; cuDNN rearranges other maps first. No number
changes except by the order in which the library adds up products.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, channels_last=True) if graph.input.output.is_image else forms


PASS = Pass(
    "channels-last",
    "channels lie side by side in memory",
    "the same products, summed in another order",
    lambda where: where.device == "cuda" and where.precision == "bf16",
    {
        "cpu": "off: pooling and normalisation gain what convolutions lose",
        "cuda": "on in bf16, where matrix units read channels side by side",
    },
    _apply,
)
