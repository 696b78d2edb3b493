"""The launches of a step recorded once, and done again as one.

A step of AlexNet launches some hundreds of kernels, each of which Python, PyTorch and the driver prepare: work of the
processor that a GPU waits for where its own is soon done, with few images at a time above all. A CUDA graph is the same
launches, recorded.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import RandomScale
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    """Not where sizes are drawn anew in each step, nor where weights move within one: what is recorded is the gradients
    of a whole batch."""
    drawn = any(isinstance(node.op, RandomScale) for node in graph.nodes.values())
    early = graph.train.accumulate > 1 and any(p.update_every for p in graph.parameters.values())
    return forms if drawn or early else replace(forms, recorded=True)


PASS = Pass(
    "cuda-graph",
    "a step's forward and backward pass are recorded once, and launched at once from then on",
    "the same operations in the same order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: there is nothing to record there",
        "cuda": "on: hand-written AlexNet, compiled, took 22,139 images/s with CUDA graphs and max-autotune and 19,270 "
        "without, batch 128 (one H200)",
    },
    _apply,
    runs_on=("cuda",),
)
