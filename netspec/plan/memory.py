"""The memory of a training step on one device, from what its operations hold.

The step is gone through in order, forward and backward, as autograd goes: what the forward pass keeps is let go of once
the backward pass has used it for the last time, gradients of parameters stay as they come, a value's gradient lives
from its first reader's backward to the end of its maker's.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.plan.footprint import FULL
from netspec.plan.program import HALF, Program, Work


@dataclass(frozen=True, slots=True)
class Standing:
    """Bytes that a device holds through all steps: ``weights`` in float32, ``momentum`` one number each, the moving
    ``average`` of the weights where the file wants one, and running statistics. ``gradients`` come and go."""

    weights: int
    gradients: int
    momentum: int
    average: int
    statistics: int

    @property
    def always(self) -> int:
        """What is there at every moment."""
        return self.weights + self.momentum + self.average + self.statistics


@dataclass(frozen=True, slots=True)
class Moment:
    """What is held at one moment of a step, in bytes; ``when`` is the moment in words."""

    when: str
    standing: int
    gradients: int
    kept: int
    passing: int

    @property
    def total(self) -> int:
        return self.standing + self.gradients + self.kept + self.passing


@dataclass(frozen=True, slots=True)
class Memory:
    """A device's memory: ``images`` that it is given, ``kept`` by autograd beside them (by layer, their sum at the end
    of the forward pass), ``casts`` of the weights to bfloat16, and the ``peak``."""

    standing: Standing
    images: int
    kept: dict[str, int]
    casts: int
    peak: Moment

    @property
    def activations(self) -> int:
        """The images, and what autograd keeps for the backward pass."""
        return self.images + sum(self.kept.values())


@dataclass(slots=True)
class _Kept:
    """A storage that autograd keeps until the backward pass of ``until``, the first operation that kept it."""

    size: int
    layer: str
    until: int


def memory(standing: Standing, program: Program, low: int, *, gathers: bool = False) -> Memory:
    """Go through a step.

    ``gathers``: gradients of earlier parts of the batch are there from the start (``accumulate``).
    """
    roots, sizes, makers = _storages(program)
    kept = _keep(program, roots, sizes, makers)
    casts = _casts(program) if low == HALF else {}
    forward = _forward(standing, program, roots, sizes, kept, casts, gathers)
    backward = _backward(standing, program, roots, sizes, kept, casts, low, gathers)
    by_layer: dict[str, int] = {}
    for storage in kept.values():
        by_layer[storage.layer] = by_layer.get(storage.layer, 0) + storage.size
    last = Moment("while weights move", standing.always + program.images, standing.gradients, 0, 0)
    peak = max(forward, backward, last, key=lambda moment: moment.total)
    return Memory(standing, program.images, by_layer, sum(c.size for c in casts.values()), peak)


def _storages(program: Program) -> tuple[dict[str, str], dict[str, int], dict[str, str]]:
    """Each value's storage by name (its own, or the one that it is a view of), storages' bytes and makers."""
    roots, sizes, makers = {program.image: program.image}, {program.image: 0}, {program.image: program.image}
    for work in program.works:
        if work.footprint.output is None:
            roots[work.value] = roots[work.reads[0]]
        else:
            roots[work.value], sizes[work.value] = work.value, work.footprint.output
            makers[work.value] = work.layer
    return roots, sizes, makers


def _keep(program: Program, roots: dict[str, str], sizes: dict[str, int], makers: dict[str, str]) -> dict[str, _Kept]:
    """What autograd keeps, each storage once. The images are counted by themselves."""
    kept: dict[str, _Kept] = {}
    for i, work in enumerate(program.works):
        if not work.learns:
            continue
        held = work.footprint
        if held.extra:
            kept[f"{work.value}:extra"] = _Kept(held.extra, work.layer, i)
        values = [*work.reads[-1:]] * held.keeps_input + [work.value] * held.keeps_output
        for root in (roots[value] for value in values):
            if sizes[root]:
                kept.setdefault(root, _Kept(sizes[root], makers[root], i))
    return kept


def _casts(program: Program) -> dict[str, _Kept]:
    """The weights that autocast copies: those of products (biases are few)."""
    casts: dict[str, _Kept] = {}
    for i, work in enumerate(program.works):
        for key, size in work.parameters:
            if work.product and not key.endswith("bias"):
                casts.setdefault(key, _Kept(size * HALF // FULL, work.layer, i))
    return casts


def _forward(
    standing: Standing,
    program: Program,
    roots: dict[str, str],
    sizes: dict[str, int],
    kept: dict[str, _Kept],
    casts: dict[str, _Kept],
    gathers: bool,
) -> Moment:
    last_read = {roots[name]: i for i, work in enumerate(program.works) for name in work.reads}
    ends = {work.layer: i for i, work in enumerate(program.works)}
    # A layer's inner values live until the layer is done.
    goes: dict[int, list[str]] = {}
    for i, work in enumerate(program.works):
        if work.footprint.output is not None and work.value not in kept:
            end = max(last_read.get(work.value, i), ends[work.layer])
            goes.setdefault(end, []).append(work.value)
    extras = {k.until: k.size for name, k in kept.items() if name.endswith(":extra")}
    copies: dict[int, int] = {}
    for cast in casts.values():
        copies[cast.until] = copies.get(cast.until, 0) + cast.size
    gradients = standing.gradients if gathers else 0
    now_kept = now_live = 0
    best: Moment | None = None
    for i, work in enumerate(program.works):
        now_kept += extras.get(i, 0) + copies.get(i, 0)
        size = work.footprint.output or 0
        if work.value in kept:
            now_kept += size
        else:
            now_live += size
        moment = Moment(
            f"in the forward pass of {work.layer}",
            standing.always + program.images,
            gradients,
            now_kept,
            now_live + work.footprint.forward,
        )
        best = moment if best is None or moment.total > best.total else best
        now_live -= sum(sizes[name] for name in goes.get(i, ()))
    return best or Moment("in the forward pass", standing.always + program.images, gradients, 0, 0)


def _backward(
    standing: Standing,
    program: Program,
    roots: dict[str, str],
    sizes: dict[str, int],
    kept: dict[str, _Kept],
    casts: dict[str, _Kept],
    low: int,
    gathers: bool,
) -> Moment:
    frees: dict[int, int] = {}
    for storage in (*kept.values(), *casts.values()):
        frees[storage.until] = frees.get(storage.until, 0) + storage.size
    now_kept = sum(frees.values())
    gradients = standing.gradients if gathers else 0
    pending: dict[str, _Gradient] = {}
    flowing = 0
    seen: set[str] = set()
    best = Moment("at the end of the forward pass", standing.always + program.images, gradients, now_kept, 0)
    full = _sizes_of_values(program, roots, sizes)
    for i, work in reversed(list(enumerate(program.works))):
        own = pending.pop(work.value, None)
        if own is None and work.learns:  # it is read elsewhere, and its gradient comes from there
            own = _Gradient(full[work.value])
            flowing += own.size
        temporaries = work.footprint.backward if work.taught else 0
        fresh = 0 if gathers else sum(size for key, size in work.parameters if key not in seen)
        seen.update(key for key, _ in work.parameters)
        narrow, added = _passing_gradients(work, low, gathers)
        for name in work.taught:
            existing = pending.get(name)
            if own is not None and (work.footprint.output is None or work.footprint.hands_on):
                made = own
                made.holders += 1
            else:
                made = _Gradient(full[name])
                flowing += made.size
            if existing is None:
                pending[name] = made
            elif made is not own and made is not existing:
                flowing -= made.size
                temporaries += made.size

        def moment(work: Work, passing: int, gradients: int, now_kept: int) -> Moment:
            when = f"in the backward pass of {work.layer}"
            return Moment(when, standing.always + program.images, gradients, now_kept, passing)

        # A gradient in bfloat16 comes first; what it was computed from is gone when it is widened.
        first = gradients + (0 if narrow else fresh)
        candidates = [moment(work, flowing + temporaries + (narrow or added), first, now_kept)]
        gradients += fresh
        now_kept -= frees.get(i, 0)
        if own is not None:
            own.holders -= 1
            flowing -= own.size if own.holders == 0 else 0
        later = work.footprint.later if work.taught else 0
        candidates.append(moment(work, flowing + max(later, narrow + added), gradients, now_kept))
        best = max(best, *candidates, key=lambda m: m.total)
    return best


@dataclass(slots=True)
class _Gradient:
    """A value's gradient: its bytes, and how many values it is the gradient of."""

    size: int
    holders: int = 1


def _passing_gradients(work: Work, low: int, gathers: bool) -> tuple[int, int]:
    """Parameters' gradients that are there for a moment beside the ones that stay: in bfloat16 before they are widened,
    and in float32 before they are added to those of earlier parts of the batch."""
    used = sum(size for _, size in work.parameters)
    return (used * HALF // FULL if low == HALF and work.product else 0), (used if gathers else 0)


def _sizes_of_values(program: Program, roots: dict[str, str], sizes: dict[str, int]) -> dict[str, int]:
    """The bytes of each value's gradient: those of the value (of a view, those of what it is a view of)."""
    return {work.value: sizes[roots[work.value]] for work in program.works}
