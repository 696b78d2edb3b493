"""The memory of a training step on one device, from what its operations hold.

The step is gone through in order, forward and backward, as autograd goes: what the forward pass keeps is let go of once
the backward pass has used it for the last time, gradients of parameters stay as they come, a value's gradient lives
from its first reader's backward to the end of its maker's.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.plan.footprint.model import FULL
from netspec.plan.program import HALF, Program, Work


@dataclass(frozen=True, slots=True)
class Standing:
    """Bytes that a device holds through all steps: ``weights`` in float32, ``momentum`` (a velocity for each weight,
    with a ``super_eps`` two running means as well), the moving ``average`` of the weights where the file wants one, and
    running statistics. ``gradients`` come and go."""

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
    """A device's memory: ``images`` that go through the network at a time, those of the batch that are ``waiting``
    meanwhile, the ``copy`` of the whole batch that a recorded step reads, what is ``kept`` by autograd beside them (by
    layer, their sum at the end of the forward pass), ``casts`` of the weights to bfloat16, and the ``peak``."""

    standing: Standing
    images: int
    waiting: int
    copy: int
    kept: dict[str, int]
    casts: int
    peak: Moment

    @property
    def activations(self) -> int:
        """The images that go through at a time, and what autograd keeps for the backward pass."""
        return self.images + sum(self.kept.values())


@dataclass(frozen=True, slots=True)
class _Storages:
    """Where values lie: each one's storage by name (its own, or the one that it is a view of), the storages' bytes, and
    the layers that made them."""

    roots: dict[str, str]
    sizes: dict[str, int]
    makers: dict[str, str]

    def size(self, value: str) -> int:
        """The bytes of what a value lies in, which its gradient has as well."""
        return self.sizes[self.roots[value]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A storage that autograd keeps until the backward pass of ``until``, the first operation that kept it."""

    size: int
    layer: str
    until: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What is gone through.

    ``extras`` are what operations keep beside values, by their place in the program, ``casts`` the copies of weights in
    bfloat16. ``low`` and ``gathered`` as in ``memory``; ``beside`` are the bytes of images beside the program's.
    """

    standing: Standing
    program: Program
    storages: _Storages
    values: dict[str, _Kept]
    extras: dict[int, _Kept]
    casts: dict[str, _Kept]
    low: int
    gathered: frozenset[str]
    beside: int

    @property
    def kept(self) -> tuple[_Kept, ...]:
        """All that autograd keeps but the casts."""
        return (*self.values.values(), *self.extras.values())

    @property
    def earlier(self) -> int:
        """The bytes of the gradients that are there before the step's first operation."""
        sizes = {key: size for work in self.program.works for key, size in work.parameters}
        return sum(size for key, size in sizes.items() if key in self.gathered)

    def moment(self, when: str, *, gradients: int, kept: int, passing: int) -> Moment:
        return Moment(when, self.standing.always + self.program.images + self.beside, gradients, kept, passing)


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
    storages = _storages(program)
    values, extras = _keep(program, storages)
    casts = _casts(program) if low == HALF else {}
    step = _Step(standing, program, storages, values, extras, casts, low, gathered, waiting + copy)
    by_layer: dict[str, int] = {}
    for storage in step.kept:
        by_layer[storage.layer] = by_layer.get(storage.layer, 0) + storage.size
    last = step.moment("while weights move", gradients=standing.gradients, kept=0, passing=0)
    peak = max(_forward(step), _backward(step), last, key=lambda moment: moment.total)
    return Memory(standing, program.images, waiting, copy, by_layer, sum(c.size for c in casts.values()), peak)


def _storages(program: Program) -> _Storages:
    roots, sizes, makers = {program.image: program.image}, {program.image: 0}, {program.image: program.image}
    for work in program.works:
        if work.footprint.output is None:
            roots[work.value] = roots[work.reads[0]]
        else:
            roots[work.value], sizes[work.value] = work.value, work.footprint.output
            makers[work.value] = work.layer
    return _Storages(roots, sizes, makers)


def _keep(program: Program, storages: _Storages) -> tuple[dict[str, _Kept], dict[int, _Kept]]:
    """What autograd keeps: values, each storage once, and extras. The images are counted by themselves."""
    values: dict[str, _Kept] = {}
    extras: dict[int, _Kept] = {}
    for i, work in enumerate(program.works):
        if not work.learns:
            continue
        held = work.footprint
        if held.extra:
            extras[i] = _Kept(held.extra, work.layer, i)
        kept = [*work.reads[-1:]] * held.keeps_input + [work.value] * held.keeps_output
        for root in (storages.roots[value] for value in kept):
            if storages.sizes[root]:
                values.setdefault(root, _Kept(storages.sizes[root], storages.makers[root], i))
    return values, extras


def _casts(program: Program) -> dict[str, _Kept]:
    """The weights that autocast copies: those of products (biases are few)."""
    casts: dict[str, _Kept] = {}
    for i, work in enumerate(program.works):
        for key, size in work.parameters:
            if work.product and not key.endswith("bias"):
                casts.setdefault(key, _Kept(size * HALF // FULL, work.layer, i))
    return casts


def _forward(step: _Step) -> Moment:
    """The fullest moment of the forward pass."""
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
        beside = 0 if work.learns else work.footprint.extra  # made all the same, and let go of at once
        when, passing = f"in the forward pass of {work.layer}", live + work.footprint.forward + beside
        moment = step.moment(when, gradients=earlier, kept=kept, passing=passing)
        best = max(best, moment, key=lambda m: m.total)
        live -= gone.get(i, 0)
    return best


def _last_uses(step: _Step) -> dict[int, int]:
    """The bytes of values that nobody keeps, by the place of the operation after which they are gone. A layer's inner
    values live until the layer is done."""
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


@dataclass(slots=True)
class _Gradient:
    """A value's gradient: its bytes, and how many values it is the gradient of."""

    size: int
    holders: int = 1


class _Flow:
    """The gradients of values on their way back: ``size`` are the bytes of all that are there."""

    def __init__(self, storages: _Storages) -> None:
        self.storages = storages
        self.size = 0
        self.pending: dict[str, _Gradient] = {}

    def taken(self, work: Work) -> _Gradient | None:
        """The gradient of what an operation made; where it is read elsewhere, it comes from there."""
        own = self.pending.pop(work.value, None)
        return self._made(work.value) if own is None and work.learns else own

    def handed_on(self, work: Work, own: _Gradient | None) -> int:
        """Give an operation's inputs their gradients, and return the bytes of those that are there only until they are
        added to what came from other readers."""
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
        """One value less that a gradient is that of."""
        if own is not None:
            own.holders -= 1
            self.size -= own.size if own.holders == 0 else 0

    def _made(self, value: str) -> _Gradient:
        gradient = _Gradient(self.storages.size(value))
        self.size += gradient.size
        return gradient


def _backward(step: _Step) -> Moment:
    """The fullest moment of the backward pass."""
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
        # A gradient in bfloat16 comes first; what it was computed from is gone when it is widened.
        early = gradients + (0 if narrow else fresh.get(i, 0))
        during = step.moment(when, gradients=early, kept=kept, passing=flow.size + passing + (narrow or added))
        gradients += fresh.get(i, 0)
        kept -= freed.get(i, 0)
        flow.let_go(own)
        passing = max(work.footprint.later if work.taught else 0, narrow + added)
        after = step.moment(when, gradients=gradients, kept=kept, passing=flow.size + passing)
        best = max(best, during, after, key=lambda m: m.total)
    return best


def _first_gradients(step: _Step) -> dict[int, int]:
    """The bytes of the parameters' gradients that are not there yet, by the place of the operation whose backward pass
    makes them first."""
    makers = {key: (i, size) for i, work in enumerate(step.program.works) for key, size in work.parameters}
    found: dict[int, int] = {}
    for key, (i, size) in makers.items():
        if key not in step.gathered:
            found[i] = found.get(i, 0) + size
    return found


def _passing_gradients(work: Work, step: _Step) -> tuple[int, int]:
    """Parameters' gradients that are there for a moment beside the ones that stay: in bfloat16 before they are widened,
    and in float32 before they are added to those of earlier parts of the batch."""
    used = sum(size for _, size in work.parameters)
    added = sum(size for key, size in work.parameters if key in step.gathered)
    return (used * HALF // FULL if step.low == HALF and work.product else 0), added
