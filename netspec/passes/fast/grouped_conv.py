"""Computing a grouped convolution in the form that is fastest for its shape.

The forms are PyTorch's grouped convolution, one convolution per group, and a dense convolution whose weights between
groups are 0. The last needs twice the multiplications for two groups, but libraries are most efficient at it. Each form
is timed on the layer's own values, forward and backward, in the first training step, and the fastest is kept.

In AlexNet's conv2, 256 filters in two groups read 48 of 96 maps each. As a dense convolution they read all 96, with a
weight of 0 for the 48 maps of the other group: these products are 0, and add nothing to the sums.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv
from netspec.passes.fast.model import Forms, Pass

MAX_GROUPS = 8
"""The maximum number of groups. With more, the dense form is mostly zeros, and one per group means many small ones."""


def _apply(graph: Graph, forms: Forms) -> Forms:
    grouped = frozenset(
        node.name for node in graph.nodes.values() if isinstance(node.op, Conv) and 1 < node.op.groups <= MAX_GROUPS
    )
    return replace(forms, grouped=grouped - set(forms.unshuffled))


PASS = Pass(
    "grouped-conv",
    "a convolution in groups takes the form that is fastest: grouped, one per group, or dense with zeros",
    "the same products (and some with 0), summed in another order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: the library's own is as fast, and a choice by the clock would let runs differ in their last bits",
        "cuda": "on: conv2 of AlexNet took 5.2 ms dense instead of 6.9 (H200, bf16, batch 1024, torch 2.11)",
    },
    _apply,
)
