"""Layer types, and the object with which they lower a layer to operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from netspec.formatting import format_count
from netspec.ir.fault import Fault
from netspec.ir.graph import Node, Placement
from netspec.ir.ops import Bias, Op, ParamShape, Sum, name_of
from netspec.ir.shape import Shape
from netspec.keys import MAX_WHOLE, ZERO, Initialiser, Key, by_name

Grouping = Literal["input", "weights", "follows", "joins", "alike", "gathers"]
"""What a layer type does with GPU groups. In this order: its value is whole; it is split by default; it is placed as
its input is; it joins its inputs group by group; its inputs must be placed alike; it gathers split values."""


@dataclass(frozen=True, eq=False)
class LayerType:
    """A layer type: its keys, and how it lowers to operations. It computes no shapes; the operations do."""

    name: str
    doc: str
    lower: Callable[[Lowering], None]
    keys: tuple[Key, ...] = ()
    arity: tuple[int, int | None] = (1, 1)
    grouping: Grouping = "follows"
    operand: Key | None = None
    """The value after the type's word that has no key."""
    check_values: Callable[[Mapping[str, Any]], None] | None = None
    """Checks the keys' values together, without the inputs. Raises ``Fault`` if they contradict each other."""
    rule: str = field(kw_only=True)
    """The rule for the shape of its value, in words for the user."""
    example: str = field(kw_only=True)
    """A small spec without mistakes. Its last layer of this type is the example on the type's page."""

    @cached_property
    def by_name(self) -> Mapping[str, Key]:
        """The keys by their names."""
        return by_name(self.keys)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the keys that a layer of this type must give."""
        return tuple(key.name for key in self.keys if key.required)

    def key(self, name: str) -> Key | None:
        return self.by_name.get(name)


class Operand(NamedTuple):
    """An input or output value of an operation."""

    node: str
    shape: Shape
    placement: Placement


Declare = Callable[[ParamShape, int | None, Initialiser], str]
"""Creates the parameter of this shape, or finds it if weights are shared, and returns its key. The number is the index
of the input, for the weights of a layer with several inputs."""


class Lowering:
    """A layer that is being lowered: its inputs, the values of its keys, and the operations emitted so far.

    ``nodes`` are these operations. The last one gets the layer's name in the end.
    """

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
        self.nodes: list[Node] = []
        self._declare = declare
        self._emitted: dict[str, int] = {}

    def __getitem__(self, key: str) -> Any:
        return self.keys[key]

    def value_for(self, key: str, index: int) -> Any:
        """Return the value of a key for the input at ``index``: its own, or the one that all inputs share."""
        value = self.keys[key]
        return value.values[index] if isinstance(value, PerInput) else value

    def shares(self, operand: Operand) -> int:
        """Return in how many separate shares the layer reads a value.

        This is the number of GPU groups if layer and value are split and each group reads its own share, else 1.
        """
        own = self.placement.split and operand.placement.split and self.keys.get("reads", "own") == "own"
        return self.gpu_groups if own else 1

    def groups_for(self, index: int) -> int:
        """Return into how many groups the channels of the input at ``index`` are divided: ``groups`` in each share."""
        return int(self.value_for("groups", index)) * self.shares(self.operands[index])

    def emit(
        self,
        op: Op,
        *operands: Operand,
        index: int | None = None,
        init: Initialiser | None = None,
        bias: Initialiser | None = None,
        fans: tuple[float, float] | None = None,
    ) -> Operand:
        """Append an operation on these values (by default the layer's inputs), and return its output.

        ``fans`` replaces (fan_in, fan_out) of an operation that computes only a part of a unit's sum.

        Raises
        ------
        Fault
            The operation's own faults, ``too-large``, or ``groups-do-not-divide`` if the output cannot be split.
        """
        inputs = operands or self.operands
        shapes = tuple([o.shape for o in inputs])
        try:
            output = op.shape(shapes)
        except Fault as fault:
            fault.operation = op
            raise
        param_shapes = op.params(shapes, output)
        if fans is not None:
            param_shapes = tuple(p._replace(fan_in=fans[0], fan_out=fans[1]) for p in param_shapes)
        _check_size(output, param_shapes)
        self._check_split(output)
        initialisers = {"weight": init, "bias": bias}
        params = tuple([self._declare(p, index, initialisers[p.role] or ZERO) for p in param_shapes])
        word = name_of(op)
        repeats = self._emitted.get(word, 0)
        self._emitted[word] = repeats + 1
        name = f"{self.layer}:{word}" + (f".{repeats}" if repeats else "")
        reads = tuple([o.node for o in inputs])
        self.nodes.append(Node(name, self.layer, op, reads, params, output, self.placement))
        return Operand(name, output, self.placement)

    def emit_weighted(
        self,
        make: Callable[[int, bool], Op],
        bias_per: Literal["channel", "unit"] = "channel",
        *,
        separate_bias: bool = False,
    ) -> None:
        """Append the operations of a layer with weights: one product for each input, their sum, and one bias.

        ``make(index, with_bias)`` returns the operation for one input. ``separate_bias``: the bias is always an
        operation of its own, because the operation's bias has another shape than the layer's.
        """
        init, bias = self["init"], self["bias"]
        one_input = len(self.operands) == 1
        if one_input and (bias is None or not separate_bias):
            self.emit(make(0, bias is not None), init=init, bias=bias)
            return
        ops = [make(i, False) for i in range(len(self.operands))]
        weights = [_weight_of(op, operand.shape) for op, operand in zip(ops, self.operands, strict=True)]
        fans = sum(weight.fan_in for weight in weights), max(weight.fan_out for weight in weights)
        if one_input:
            total = self.emit(ops[0], init=init)
        else:
            products = [
                self.emit(op, operand, index=i, init=self.value_for("init", i), fans=fans)
                for i, (op, operand) in enumerate(zip(ops, self.operands, strict=True))
            ]
            total = self.emit(Sum(), *products)
        if bias is not None:
            self.emit(Bias(bias_per, *fans), total, bias=bias)

    def _check_split(self, output: Shape) -> None:
        """Raise ``groups-do-not-divide`` if the output cannot be split over the GPU groups but must be."""
        if not self.placement.split or output.channels % self.gpu_groups == 0:
            return
        what = "output channels" if output.is_image else "outputs"
        quotient = f"{output.channels} / {self.gpu_groups} = {output.channels / self.gpu_groups:.6g}"
        raise Fault(
            "groups-do-not-divide",
            f"{{layer}}: {self.gpu_groups} GPU groups do not divide its {what}",
            ("filters", "outputs"),
            (f"{quotient}: each group computes an equal share",),
        )

    @property
    def result(self) -> Operand:
        """The output of the last operation so far."""
        last = self.nodes[-1]
        return Operand(last.name, last.output, self.placement)


@dataclass(frozen=True, slots=True)
class PerInput:
    """A separate value of a key for each of the layer's inputs."""

    values: tuple[Any, ...]


def _weight_of(op: Op, read: Shape) -> ParamShape:
    """Return the weight of an operation without a bias."""
    (weight,) = op.params((read,), op.shape((read,)))
    return weight


def _check_size(output: Shape, param_shapes: tuple[ParamShape, ...]) -> None:
    for what, shape in (("units", output), *[("weights", p.shape) for p in param_shapes]):
        if (number := math.prod(shape)) > MAX_WHOLE:
            raise Fault(
                "too-large",
                f"{{layer}} would have {format_count(number)} {what}",
                ("filters", "outputs", "kernel", "pad"),
                (f"at most 2^31 = {format_count(MAX_WHOLE)} {what} in a layer are allowed",),
            )
