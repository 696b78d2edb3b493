"""The peak memory of the forward pass."""

from __future__ import annotations

from netspec.plan.memory.model import Moment
from netspec.plan.memory.step import Step


def forward(step: Step) -> Moment:
    """Return the moment of the forward pass at which the most memory is in use."""
    freed = _last_uses(step)
    copies: dict[int, int] = {}
    for cast in step.casts.values():
        copies[cast.until] = copies.get(cast.until, 0) + cast.size
    kept, live, earlier = 0, 0, step.earlier_gradients
    peak = step.moment("in the forward pass", gradients=earlier, kept=0, temporary=0)
    for i, instr in enumerate(step.program.instructions):
        kept += copies.get(i, 0) + (step.extras[i].size if i in step.extras else 0)
        size = instr.footprint.output or 0
        if instr.value in step.values:
            kept += size
        else:
            live += size
        # ``extra`` is computed even if autograd does not keep it; it is then freed at once.
        unkept = 0 if instr.requires_grad else instr.footprint.extra
        when, temporary = f"in the forward pass of {instr.layer}", live + instr.footprint.forward + unkept
        moment = step.moment(when, gradients=earlier, kept=kept, temporary=temporary)
        peak = max(peak, moment, key=lambda m: m.total)
        live -= freed.get(i, 0)
    return peak


def _last_uses(step: Step) -> dict[int, int]:
    """The bytes of values that autograd does not keep, by the index of the operation after which they are freed.

    Values inside a layer live until the end of the layer.
    """
    instructions, roots = step.program.instructions, step.storages.roots
    last_read = {roots[name]: i for i, instr in enumerate(instructions) for name in instr.reads}
    ends = {instr.layer: i for i, instr in enumerate(instructions)}
    freed: dict[int, int] = {}
    for i, instr in enumerate(instructions):
        size = instr.footprint.output
        if size is not None and instr.value not in step.values:
            end = max(last_read.get(instr.value, i), ends[instr.layer])
            freed[end] = freed.get(end, 0) + size
    return freed
