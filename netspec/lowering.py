"""What a layer type is, and what it works with when it turns itself into operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from netspec.ir.fault import Fault
from netspec.ir.graph import Placement
from netspec.ir.ops import Bias, Op, ParamShape, Sum, name_of
from netspec.ir.shape import Shape
from netspec.keys import LARGEST, ZERO, Initialiser, Key
from netspec.units import count

Grouping = Literal["input", "weights", "follows", "joins", "alike", "gathers"]
"""How a layer type meets GPU groups: makes a whole value, is split by default, acts on what its input is, joins group
by group, needs inputs placed alike, or gathers what is split."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerType:
    """A word of the language: its keys, and how it becomes operations. It computes no shape of its own."""

    name: str
    doc: str
    lower: Callable[[Lowering], None]
    keys: tuple[Key, ...] = ()
    arity: tuple[int, int | None] = (1, 1)
    grouping: Grouping = "follows"
    operand: Key | None = None
    """What stands after the type's word without a key."""
    agree: Callable[[Mapping[str, Any]], None] | None = None
    """Raises ``Fault`` where keys contradict each other, whatever the layer reads."""
    rule: str = field(kw_only=True)
    """The shape of its value in words, for a reader; the operations compute it."""
    example: str = field(kw_only=True)
    """A small spec that is right and has a layer of this type, the last of which is explained."""

    def key(self, name: str) -> Key | None:
        return next((k for k in self.keys if k.name == name), None)


class Operand(NamedTuple):
    """A value that an operation reads or makes."""

    node: str
    shape: Shape
    placement: Placement


class Draft(NamedTuple):
    """An operation of a layer, before its node has its final name."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    output: Shape


Declare = Callable[[ParamShape, int | None, Initialiser], str]
"""Makes (or, where weights are shared, finds) the parameter of a shape and returns its key. The number tells the
several weights of a layer with several inputs apart."""


class Lowering:
    """One layer on its way to operations: what it reads, its keys' values, and ``emit``."""

    def __init__(
        self,
        layer: str,
        operands: tuple[Operand, ...],
        keys: Mapping[str, Any],
        placement: Placement,
        gpu_groups: int,
        declare: Declare,
    ) -> None:
        self.layer = layer
        self.operands = operands
        self.keys = keys
        self.placement = placement
        self.gpu_groups = gpu_groups
        self.drafts: list[Draft] = []
        self._declare = declare
        self._emitted: dict[str, int] = {}

    def __getitem__(self, key: str) -> Any:
        return self.keys[key]

    def each(self, key: str, index: int) -> Any:
        """The value of a key for one of several inputs: its own, or the one that serves all."""
        value = self.keys[key]
        return value.values[index] if isinstance(value, PerInput) else value

    def shares(self, operand: Operand) -> int:
        """In how many separate shares the layer reads a value: one per GPU group where both are split and the layer
        reads its own, else one."""
        own = self.placement.split and operand.placement.split and self.keys.get("reads", "own") == "own"
        return self.gpu_groups if own else 1

    def emit(
        self,
        op: Op,
        *operands: Operand,
        index: int | None = None,
        init: Initialiser | None = None,
        bias: Initialiser | None = None,
        fans: tuple[float, float] | None = None,
    ) -> Operand:
        """Append an operation that reads these values (the layer's own inputs if none are named).

        ``fans`` stands in for the fan_in and fan_out of an operation that computes only a part of a unit's sum.

        Raises
        ------
        Fault
            The operation's own, ``too-large``, or ``groups-do-not-divide`` where the value cannot be split.
        """
        reads = operands or self.operands
        shapes = tuple([o.shape for o in reads])
        try:
            output = op.shape(shapes)
        except Fault as fault:
            fault.operation = op
            raise
        wanted = op.params(shapes, output)
        if fans is not None:
            wanted = tuple(p._replace(fan_in=fans[0], fan_out=fans[1]) for p in wanted)
        _check_size(output, wanted)
        if self.placement.split and output.channels % self.gpu_groups:
            what = "output channels" if output.is_image else "outputs"
            raise Fault(
                "groups-do-not-divide",
                f"{{layer}}: {self.gpu_groups} GPU groups do not divide its {what}",
                ("filters", "outputs"),
                (
                    f"{output.channels} / {self.gpu_groups} = {output.channels / self.gpu_groups:.6g}: "
                    "each group computes an equal share",
                ),
            )
        start = {"weight": init, "bias": bias}
        params = tuple([self._declare(p, index, start[p.role] or ZERO) for p in wanted])
        word = name_of(op)
        same = self._emitted.get(word, 0)
        self._emitted[word] = same + 1
        name = f"{self.layer}:{word}" + (f".{same}" if same else "")
        self.drafts.append(Draft(name, op, tuple([o.node for o in reads]), params, output))
        return Operand(name, output, self.placement)

    def emit_weighted(
        self,
        make: Callable[[int, bool], Op],
        bias_per: Literal["channel", "unit"] = "channel",
        *,
        apart: bool = False,
    ) -> None:
        """A layer with weights: one product per input, summed, and one bias.

        ``make(index, with_bias)`` gives the operation for one input; ``apart`` says that its bias is not the layer's.
        """
        init, bias = self["init"], self["bias"]
        if len(self.operands) == 1 and apart and bias is not None:
            alone, shapes = make(0, False), (self.operands[0].shape,)
            (weight,) = alone.params(shapes, alone.shape(shapes))
            product = self.emit(alone, init=init)
            self.emit(Bias(bias_per, weight.fan_in, weight.fan_out), product, bias=bias)
            return
        if len(self.operands) == 1:
            self.emit(make(0, bias is not None), self.operands[0], init=init, bias=bias)
            return
        parts = [make(i, False).params((o.shape,), make(i, False).shape((o.shape,))) for i, o in self._numbered()]
        fans = sum(weight.fan_in for (weight,) in parts), max(weight.fan_out for (weight,) in parts)
        products = [
            self.emit(make(i, False), o, index=i, init=self.each("init", i), fans=fans) for i, o in self._numbered()
        ]
        total = self.emit(Sum(), *products)
        if bias is not None:
            self.emit(Bias(bias_per, *fans), total, bias=bias)

    def _numbered(self) -> list[tuple[int, Operand]]:
        return list(enumerate(self.operands))

    @property
    def result(self) -> Operand:
        """What the layer's last operation so far makes."""
        last = self.drafts[-1]
        return Operand(last.name, last.output, self.placement)


@dataclass(frozen=True, slots=True)
class PerInput:
    """One value of a key for each of a layer's inputs."""

    values: tuple[Any, ...]


def _check_size(output: Shape, wanted: tuple[ParamShape, ...]) -> None:
    for what, number in [("units", output.units), *[("weights", math.prod(p.shape)) for p in wanted]]:
        if number > LARGEST:
            raise Fault(
                "too-large",
                f"{{layer}} would have {count(number)} {what}",
                ("filters", "outputs", "kernel", "pad"),
                (f"at most 2^31 = {count(LARGEST)} {what} in a layer are allowed",),
            )
