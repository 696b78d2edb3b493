"""The peak memory of the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.widths import FULL, HALF
from netspec.plan.memory.model import Moment
from netspec.plan.memory.step import Step, Storages
from netspec.plan.program import Instruction


@dataclass(slots=True)
class _Gradient:
    """A gradient tensor: its bytes, and how many values share it as their gradient."""

    size: int
    holders: int = 1


class _Flow:
    """The gradients of values that exist during the backward pass; ``size`` is their total bytes."""

    def __init__(self, storages: Storages) -> None:
        self.storages = storages
        self.size = 0
        self.pending: dict[str, _Gradient] = {}

    def pop(self, instr: Instruction) -> _Gradient | None:
        """Take the gradient of an operation's value out of ``pending``.

        A value that is read only on other devices has no gradient here yet; it arrives from them now.
        """
        gradient = self.pending.pop(instr.value, None)
        return self._allocate(instr.value) if gradient is None and instr.requires_grad else gradient

    def pass_on(self, instr: Instruction, gradient: _Gradient | None) -> int:
        """Create the gradients of an operation's inputs.

        Returns the bytes of the temporary ones: those that are added to a gradient from another reader, then freed.
        """
        temporary = 0
        for name in instr.grad_inputs:
            earlier = self.pending.get(name)
            if gradient is not None and instr.footprint.passes_gradient:
                new = gradient
                new.holders += 1
            else:
                new = self._allocate(name)
            if earlier is None:
                self.pending[name] = new
            elif new is not gradient and new is not earlier:
                self.size -= new.size
                temporary += new.size
        return temporary

    def release(self, gradient: _Gradient | None) -> None:
        """Release one value's reference to its gradient, and free the gradient if it was the last."""
        if gradient is not None:
            gradient.holders -= 1
            self.size -= gradient.size if gradient.holders == 0 else 0

    def _allocate(self, value: str) -> _Gradient:
        gradient = _Gradient(self.storages.gradients[value])
        self.size += gradient.size
        return gradient


def backward(step: Step) -> Moment:
    """Return the moment of the backward pass at which the most memory is in use."""
    freed: dict[int, int] = {}
    for storage in (*step.kept, *step.casts.values()):
        freed[storage.until] = freed.get(storage.until, 0) + storage.size
    kept, gradients, flow = sum(freed.values()), step.earlier_gradients, _Flow(step.storages)
    fresh = _allocated_gradients(step)
    peak = step.moment("at the end of the forward pass", gradients=gradients, kept=kept, temporary=0)
    for i, instr in reversed(list(enumerate(step.program.instructions))):
        when = f"in the backward pass of {instr.layer}"
        gradient = flow.pop(instr)
        # Products need what is counted for the input's gradient alone; others for the gradient of their weights, too.
        computes = instr.grad_inputs or (instr.parameters and not instr.product)
        temporary = flow.pass_on(instr, gradient) + (instr.footprint.backward if computes else 0)
        narrow, added = _temporary_gradients(instr, step)
        # A bfloat16 gradient is computed first; the tensors it was computed from are freed before it is widened.
        early = gradients + (0 if narrow else fresh.get(i, 0))
        first = step.moment(when, gradients=early, kept=kept, temporary=flow.size + temporary + (narrow or added))
        gradients += fresh.get(i, 0)
        kept -= freed.get(i, 0)
        flow.release(gradient)
        temporary = max(instr.footprint.later if instr.grad_inputs else 0, narrow + added)
        last = step.moment(when, gradients=gradients, kept=kept, temporary=flow.size + temporary)
        peak = max(peak, first, last, key=lambda m: m.total)
    return peak


def _allocated_gradients(step: Step) -> dict[int, int]:
    """The bytes of the parameters' gradients that the step allocates.

    Keys are the indices of the operations whose backward computation creates them.
    """
    makers = {key: (i, size) for i, instr in enumerate(step.program.instructions) for key, size in instr.parameters}
    sizes: dict[int, int] = {}
    for key, (i, size) in makers.items():
        if key not in step.accumulated:
            sizes[i] = sizes.get(i, 0) + size
    return sizes


def _temporary_gradients(instr: Instruction, step: Step) -> tuple[int, int]:
    """The bytes of an operation's temporary gradients of parameters, as (narrow, added).

    ``narrow`` are in bfloat16 and about to be widened; ``added`` are in float32 and about to be added to the gradients
    of earlier parts of the batch.
    """
    used = sum(size for _, size in instr.parameters)
    added = sum(size for key, size in instr.parameters if key in step.accumulated)
    return (used * HALF // FULL if step.product_width == HALF and instr.product else 0), added
