"""The peak memory of the forward pass."""

from __future__ import annotations

from netspec.plan.memory.model import Moment
from netspec.plan.memory.step import Step


def forward(step: Step) -> Moment:
    """Return the moment of the forward pass at which the most memory is in use."""
    gone = _last_uses(step)
    copies: dict[int, int] = {}
    for cast in step.casts.values():
        copies[cast.until] = copies.get(cast.until, 0) + cast.size
    kept, live, earlier = 0, 0, step.earlier
    best = step.moment("in the forward pass", gradients=earlier, kept=0, passing=0)
    for i, work in enumerate(step.program.works):
        kept += copies.get(i, 0) + (step.extras[i].size if i in step.extras else 0)
        size = work.footprint.output or 0
        if work.value in step.values:
            kept += size
        else:
            live += size
        beside = 0 if work.learns else work.footprint.extra  # computed even if autograd does not keep it; freed at once
        when, passing = f"in the forward pass of {work.layer}", live + work.footprint.forward + beside
        moment = step.moment(when, gradients=earlier, kept=kept, passing=passing)
        best = max(best, moment, key=lambda m: m.total)
        live -= gone.get(i, 0)
    return best


def _last_uses(step: Step) -> dict[int, int]:
    """The bytes of values that autograd does not keep, by the index of the operation after which they are freed.

    Values inside a layer live until the end of the layer.
    """
    works, roots = step.program.works, step.storages.roots
    last_read = {roots[name]: i for i, work in enumerate(works) for name in work.reads}
    ends = {work.layer: i for i, work in enumerate(works)}
    gone: dict[int, int] = {}
    for i, work in enumerate(works):
        size = work.footprint.output
        if size is not None and work.value not in step.values:
            end = max(last_read.get(work.value, i), ends[work.layer])
            gone[end] = gone.get(end, 0) + size
    return gone
