"""A training step as what operations hold: where values lie, and what is kept for the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.plan.footprint.model import FULL
from netspec.plan.memory.model import Moment, Standing
from netspec.plan.program import HALF, Program


@dataclass(frozen=True, slots=True)
class Storages:
    """Where values lie: each one's storage by name (its own, or the one that it is a view of), the storages' bytes, and
    the layers that made them."""

    roots: dict[str, str]
    sizes: dict[str, int]
    makers: dict[str, str]

    def size(self, value: str) -> int:
        """The bytes of what a value lies in, which its gradient has as well."""
        return self.sizes[self.roots[value]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A storage that autograd keeps until the backward pass of ``until``, the first operation that kept it."""

    size: int
    layer: str
    until: int


@dataclass(frozen=True, slots=True)
class Step:
    """What is gone through.

    ``extras`` are what operations keep beside values, by their place in the program, ``casts`` the copies of weights in
    bfloat16. ``low`` and ``gathered`` as in ``memory``; ``beside`` are the bytes of images beside the program's.
    """

    standing: Standing
    program: Program
    storages: Storages
    values: dict[str, Kept]
    extras: dict[int, Kept]
    casts: dict[str, Kept]
    low: int
    gathered: frozenset[str]
    beside: int

    @property
    def kept(self) -> tuple[Kept, ...]:
        """All that autograd keeps but the casts."""
        return (*self.values.values(), *self.extras.values())

    @property
    def earlier(self) -> int:
        """The bytes of the gradients that are there before the step's first operation."""
        sizes = {key: size for work in self.program.works for key, size in work.parameters}
        return sum(size for key, size in sizes.items() if key in self.gathered)

    def moment(self, when: str, *, gradients: int, kept: int, passing: int) -> Moment:
        """A moment of the step: what stands at every moment, and the bytes that are given."""
        return Moment(when, self.standing.always + self.program.images + self.beside, gradients, kept, passing)


def storages_of(program: Program) -> Storages:
    """Where the values of a program lie; the images are counted by themselves."""
    roots, sizes, makers = {program.image: program.image}, {program.image: 0}, {program.image: program.image}
    for work in program.works:
        if work.footprint.output is None:
            roots[work.value] = roots[work.reads[0]]
        else:
            roots[work.value], sizes[work.value] = work.value, work.footprint.output
            makers[work.value] = work.layer
    return Storages(roots, sizes, makers)


def keep(program: Program, storages: Storages) -> tuple[dict[str, Kept], dict[int, Kept]]:
    """What autograd keeps: values, each storage once, and extras. The images are counted by themselves."""
    values: dict[str, Kept] = {}
    extras: dict[int, Kept] = {}
    for i, work in enumerate(program.works):
        if not work.learns:
            continue
        held = work.footprint
        if held.extra:
            extras[i] = Kept(held.extra, work.layer, i)
        kept = [*work.reads[-1:]] * held.keeps_input + [work.value] * held.keeps_output
        for root in (storages.roots[value] for value in kept):
            if storages.sizes[root]:
                values.setdefault(root, Kept(storages.sizes[root], storages.makers[root], i))
    return values, extras


def casts_of(program: Program) -> dict[str, Kept]:
    """The weights that autocast copies: those of products (biases are few)."""
    casts: dict[str, Kept] = {}
    for i, work in enumerate(program.works):
        for key, size in work.parameters:
            if work.product and not key.endswith("bias"):
                casts.setdefault(key, Kept(size * HALF // FULL, work.layer, i))
    return casts
