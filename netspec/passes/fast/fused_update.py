"""Updating weights in one pass over memory, with one kernel launch for all weights with the same hyperparameters.

torch has kernels for the rules SGD and Adam. It has none for RMSProp, AdaDelta, LARS and LAMB, and none for AdaGrad
with a constant in the root.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.rules import Adam, Sgd
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, fused_update=True) if isinstance(graph.train.rule, Sgd | Adam) else forms


PASS = Pass(
    "fused-update",
    "weights and what the optimiser remembers are updated in one pass over memory, with one launch for all of the "
    "same rates",
    "the same rule, rounded in another order",
    lambda where: True,
    {
        "cpu": "on: the update of AlexNet's weights takes half the time or less",
        "cuda": "on: one launch instead of four or more for each set of rates",
    },
    _apply,
)
