"""The peak memory of the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.plan.footprint.model import FULL
from netspec.plan.memory.model import Moment
from netspec.plan.memory.step import Step, Storages
from netspec.plan.program import HALF, Work


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

    def taken(self, work: Work) -> _Gradient | None:
        """Take the gradient of an operation's value out of ``pending``.

        A value that is read only on other devices has no gradient here yet; it arrives from them now.
        """
        own = self.pending.pop(work.value, None)
        return self._made(work.value) if own is None and work.learns else own

    def handed_on(self, work: Work, own: _Gradient | None) -> int:
        """Create the gradients of an operation's inputs.

        Returns the bytes of the temporary ones: those that are added to a gradient from another reader, then freed.
        """
        passing = 0
        for name in work.taught:
            existing = self.pending.get(name)
            if own is not None and (work.footprint.output is None or work.footprint.hands_on):
                given = own
                given.holders += 1
            else:
                given = self._made(name)
            if existing is None:
                self.pending[name] = given
            elif given is not own and given is not existing:
                self.size -= given.size
                passing += given.size
        return passing

    def let_go(self, own: _Gradient | None) -> None:
        """Release one value's reference to its gradient, and free the gradient if it was the last."""
        if own is not None:
            own.holders -= 1
            self.size -= own.size if own.holders == 0 else 0

    def _made(self, value: str) -> _Gradient:
        gradient = _Gradient(self.storages.size(value))
        self.size += gradient.size
        return gradient


def backward(step: Step) -> Moment:
    """Return the moment of the backward pass at which the most memory is in use."""
    freed: dict[int, int] = {}
    for storage in (*step.kept, *step.casts.values()):
        freed[storage.until] = freed.get(storage.until, 0) + storage.size
    kept, gradients, flow = sum(freed.values()), step.earlier, _Flow(step.storages)
    fresh = _first_gradients(step)
    best = step.moment("at the end of the forward pass", gradients=gradients, kept=kept, passing=0)
    for i, work in reversed(list(enumerate(step.program.works))):
        when = f"in the backward pass of {work.layer}"
        own = flow.taken(work)
        passing = flow.handed_on(work, own) + (work.footprint.backward if work.taught else 0)
        narrow, added = _passing_gradients(work, step)
        # A bfloat16 gradient is computed first; the tensors it was computed from are freed before it is widened.
        early = gradients + (0 if narrow else fresh.get(i, 0))
        during = step.moment(when, gradients=early, kept=kept, passing=flow.size + passing + (narrow or added))
        gradients += fresh.get(i, 0)
        kept -= freed.get(i, 0)
        flow.let_go(own)
        passing = max(work.footprint.later if work.taught else 0, narrow + added)
        after = step.moment(when, gradients=gradients, kept=kept, passing=flow.size + passing)
        best = max(best, during, after, key=lambda m: m.total)
    return best


def _first_gradients(step: Step) -> dict[int, int]:
    """The bytes of the parameters' gradients that the step allocates.

    Keys are the indices of the operations whose backward computation creates them.
    """
    makers = {key: (i, size) for i, work in enumerate(step.program.works) for key, size in work.parameters}
    found: dict[int, int] = {}
    for key, (i, size) in makers.items():
        if key not in step.gathered:
            found[i] = found.get(i, 0) + size
    return found


def _passing_gradients(work: Work, step: Step) -> tuple[int, int]:
    """The bytes of an operation's temporary gradients of parameters, as (narrow, added).

    ``narrow`` are in bfloat16 and about to be widened; ``added`` are in float32 and about to be added to the gradients
    of earlier parts of the batch.
    """
    used = sum(size for _, size in work.parameters)
    added = sum(size for key, size in work.parameters if key in step.gathered)
    return (used * HALF // FULL if step.low == HALF and work.product else 0), added
