"""Letting cuDNN choose the fastest convolution algorithms by benchmarking them.

cuDNN has several algorithms for a convolution and each of its gradients. By default it chooses by a heuristic. With
benchmarking it tries the algorithms the first time it encounters a shape, and keeps the fastest.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Deconv
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    convolutions = any(isinstance(node.op, Conv | Deconv) for node in graph.nodes.values())
    return replace(forms, benchmarked=True) if convolutions else forms


PASS = Pass(
    "cudnn-benchmark",
    "cuDNN tries its algorithms for each convolution in the first step, and keeps the fastest",
    "the same products, summed in another order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: cuDNN is for GPUs only",
        "cuda": "on: as careful scripts have it (torch.backends.cudnn.benchmark); not measured",
    },
    _apply,
    runs_on=("cuda",),
)
