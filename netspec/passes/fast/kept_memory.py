"""Keeping the memory of a training step in the process for the next one.

By default, large blocks are returned to the system as soon as a step frees them. When the next step allocates the same
amount again, the system provides and clears the memory page by page. Every operation fills what it allocates, whatever
the block contains.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.passes.fast.model import Forms, Pass


def _apply(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, kept_memory=True)


PASS = Pass(
    "kept-memory",
    "memory that a step frees is kept for the next one",
    "the same bits",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: a step of AlexNet spent an eighth of its time getting its memory again (GNU C library only)",
        "cuda": "off: PyTorch keeps a GPU's memory by itself",
    },
    _apply,
    runs_on=("cpu",),
)
