"""The memory of a training step on one device, from what its operations hold.

The step is gone through in order, forward and backward, as autograd goes: what the forward pass keeps is let go of once
the backward pass has used it for the last time, gradients of parameters stay as they come, a value's gradient lives
from its first reader's backward to the end of its maker's.
"""

from __future__ import annotations

from netspec.plan.memory.backward import backward
from netspec.plan.memory.forward import forward
from netspec.plan.memory.model import Memory, Moment, Standing
from netspec.plan.memory.step import Step, casts_of, keep, storages_of
from netspec.plan.program import HALF, Program

__all__ = ["Memory", "Moment", "Standing", "memory"]


def memory(
    standing: Standing,
    program: Program,
    low: int,
    *,
    gathered: frozenset[str] = frozenset(),
    waiting: int = 0,
    copy: int = 0,
) -> Memory:
    """Go through a step.

    Parameters
    ----------
    low:
        Bytes of a number that a product makes.
    gathered:
        Parameters whose gradients of earlier parts of the batch are there from the start (``accumulate``).
    waiting, copy:
        Bytes of images, as in ``Memory``.
    """
    storages = storages_of(program)
    values, extras = keep(program, storages)
    casts = casts_of(program) if low == HALF else {}
    step = Step(standing, program, storages, values, extras, casts, low, gathered, waiting + copy)
    by_layer: dict[str, int] = {}
    for storage in step.kept:
        by_layer[storage.layer] = by_layer.get(storage.layer, 0) + storage.size
    last = step.moment("while weights move", gradients=standing.gradients, kept=0, passing=0)
    peak = max(forward(step), backward(step), last, key=lambda moment: moment.total)
    return Memory(standing, program.images, waiting, copy, by_layer, sum(c.size for c in casts.values()), peak)
