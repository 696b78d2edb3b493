"""The channels-last memory format for images, maps and kernels."""

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
