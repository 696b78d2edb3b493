"""Simulation of one device's memory during a training step, from the footprints of its operations.

The simulation follows autograd through the forward and the backward pass. A tensor kept by the forward pass is freed
once the backward pass has used it for the last time. Gradients of parameters stay. The gradient of a value lives from
the backward computation of its last reader to the end of that of the operation that made the value.
"""

from __future__ import annotations

from netspec.ir.widths import HALF
from netspec.plan.memory.backward import backward
from netspec.plan.memory.forward import forward
from netspec.plan.memory.model import Memory, Moment, Standing
from netspec.plan.memory.step import Step, casts_of, keep, storages_of
from netspec.plan.program import Program

__all__ = ["Memory", "Moment", "Standing", "memory"]


def memory(
    standing: Standing,
    program: Program,
    product_width: int,
    *,
    accumulated: frozenset[str] = frozenset(),
    waiting: int = 0,
    copy: int = 0,
) -> Memory:
    """Simulate a step and return its memory.

    Parameters
    ----------
    product_width:
        Bytes per number of a product's result.
    accumulated:
        Keys of the parameters that have gradients from the start, from earlier parts of the batch (``accumulate``).
    waiting, copy:
        Bytes of images, as in ``Memory``.
    """
    storages = storages_of(program)
    values, extras = keep(program, storages)
    casts = casts_of(program) if product_width == HALF else {}
    step = Step(standing, program, storages, values, extras, casts, product_width, accumulated, waiting + copy)
    by_layer: dict[str, int] = {}
    for storage in step.kept:
        by_layer[storage.layer] = by_layer.get(storage.layer, 0) + storage.size
    last = step.moment("while weights move", gradients=standing.gradients, kept=0, temporary=standing.roots)
    peak = max(forward(step), backward(step), last, key=lambda moment: moment.total)
    return Memory(standing, program.images, waiting, copy, by_layer, sum(c.size for c in casts.values()), peak)
