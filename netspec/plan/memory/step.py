"""The storages of a training step's values, and what autograd keeps of them for the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.widths import FULL, HALF
from netspec.plan.memory.model import Moment, Standing
from netspec.plan.program import Program


@dataclass(frozen=True, slots=True)
class Storages:
    """The storages of values.

    ``roots`` maps a value to its storage: itself, or the value that it is a view of. ``sizes`` (bytes) and ``makers``
    (layers) are by storage. ``gradients`` are the bytes of each value's gradient: as many as its storage has, unless it
    is a part of it.
    """

    roots: dict[str, str]
    sizes: dict[str, int]
    makers: dict[str, str]
    gradients: dict[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A storage that autograd keeps. It is freed after the backward computation of the operation with index ``until``,
    the first that kept it."""

    size: int
    layer: str
    until: int


@dataclass(frozen=True, slots=True)
class Step:
    """A training step to simulate.

    ``values`` are the kept values by storage, ``extras`` what operations keep besides values by operation index, and
    ``casts`` the bfloat16 copies of weights by key. ``product_width`` and ``accumulated`` are as in ``memory``;
    ``other_images`` is the bytes of the images that are not being computed.
    """

    standing: Standing
    program: Program
    storages: Storages
    values: dict[str, Kept]
    extras: dict[int, Kept]
    casts: dict[str, Kept]
    product_width: int
    accumulated: frozenset[str]
    other_images: int

    @property
    def kept(self) -> tuple[Kept, ...]:
        """Everything that autograd keeps, except the casts."""
        return (*self.values.values(), *self.extras.values())

    @property
    def earlier_gradients(self) -> int:
        """The bytes of the gradients that exist before the step's first operation."""
        sizes = {key: size for instr in self.program.instructions for key, size in instr.parameters}
        return sum(size for key, size in sizes.items() if key in self.accumulated)

    def moment(self, when: str, *, gradients: int, kept: int, temporary: int) -> Moment:
        """Return a moment with these bytes in addition to the permanent ones."""
        return Moment(when, self.standing.always + self.program.images + self.other_images, gradients, kept, temporary)


def storages_of(program: Program) -> Storages:
    """Return the storages of a program's values. The images have size 0, because they are counted separately."""
    roots, sizes, makers = {program.image: program.image}, {program.image: 0}, {program.image: program.image}
    gradients = {program.image: 0}
    for instr in program.instructions:
        if instr.footprint.output is None:
            roots[instr.value] = roots[instr.reads[0]]
            gradients[instr.value] = instr.footprint.part or gradients[instr.reads[0]]
        else:
            roots[instr.value], sizes[instr.value] = instr.value, instr.footprint.output
            makers[instr.value], gradients[instr.value] = instr.layer, instr.footprint.output
    return Storages(roots, sizes, makers, gradients)


def keep(program: Program, storages: Storages) -> tuple[dict[str, Kept], dict[int, Kept]]:
    """Return what autograd keeps: values (each storage once) and extras. Images are not included."""
    values: dict[str, Kept] = {}
    extras: dict[int, Kept] = {}
    for i, instr in enumerate(program.instructions):
        if not instr.requires_grad:
            continue
        instr_footprint = instr.footprint
        if instr_footprint.extra:
            extras[i] = Kept(instr_footprint.extra, instr.layer, i)
        kept = [*instr.reads[-1:]] * instr_footprint.keeps_input + [instr.value] * instr_footprint.keeps_output
        kept += [instr.reads[index] for index in instr_footprint.keeps_inputs]
        for root in (storages.roots[value] for value in kept):
            if storages.sizes[root]:
                values.setdefault(root, Kept(storages.sizes[root], storages.makers[root], i))
    return values, extras


def casts_of(program: Program) -> dict[str, Kept]:
    """Return the bfloat16 copies that autocast makes of the weights of products; biases are small and ignored."""
    casts: dict[str, Kept] = {}
    for i, instr in enumerate(program.instructions):
        for key, size in instr.parameters:
            if instr.product and not key.endswith("bias"):
                casts.setdefault(key, Kept(size * HALF // FULL, instr.layer, i))
    return casts
