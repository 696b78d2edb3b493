"""Dropout as one operation.

Whether a unit is kept is a function of its position (``backends/pytorch/ops/counter_rng.py``). Computing it takes about
thirty operations, each with a kernel launch and a pass over memory. Dropout of channels or images makes few choices.

Since the choices can be computed again at any time, no mask is kept for the backward pass. They are the same bits: the
kernel computes the same hash in integers, and multiplies by the same factor, rounded as the values are.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Dropout
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    dropouts = frozenset(
        node.name for node in graph.nodes.values() if isinstance(node.op, Dropout) and node.op.over == "units"
    )
    return replace(forms, dropped=dropouts)


PASS = Pass(
    "dropout",
    "dropout draws, scales and masks in one operation, and once more on the way back",
    "the same bits",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: there is no kernel of it",
        "cuda": "on: one launch instead of 32 forward; not measured",
    },
    _apply,
    runs_on=("cuda",),
)
