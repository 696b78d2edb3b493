"""The lines of a spec as they are collected, before the spec is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from netspec.ir.ops import ZeroPad
from netspec.ir.shape import Shape
from netspec.ir.window import Pad
from netspec.keys.texts import pad as pad_text

T = TypeVar("T")
A = TypeVar("A")


@dataclass(slots=True, eq=False)
class Line(Generic[T, A]):
    """A line of the spec: ``[conv1] conv filters=96 -> 96x55x55``. Two lines that say the same are different ones.

    ``inputs`` are the numbers of the lines that it reads. ``origin`` is what it was made from, ``None`` for a line that
    only changes a shape. ``hint`` is the path of the name that it should have: ``features``, ``0``. ``arrays`` says
    where the numbers of its parameters and running statistics are (``weight``, ``running_mean``). ``claimed``: its
    shape is stated, because it follows from arithmetic. ``weights_of`` is the line whose weights it uses.
    """

    type: str
    inputs: tuple[int, ...]
    keys: dict[str, str]
    shape: Shape
    origin: T | None
    hint: tuple[str, ...]
    arrays: dict[str, A]
    claimed: bool
    weights_of: int | None = None

    @property
    def needs(self) -> tuple[int, ...]:
        """The numbers of the lines that must stay with this one: its inputs, and the line whose weights it uses."""
        return self.inputs if self.weights_of is None else (*self.inputs, self.weights_of)

    def renumber(self, number_of: Callable[[int], int]) -> None:
        """Let the line refer to others by their new numbers."""
        self.inputs = tuple(map(number_of, self.inputs))
        self.weights_of = None if self.weights_of is None else number_of(self.weights_of)

    def share_weights(self, owner: int) -> None:
        """Let the line use the weights of another one in place of its own."""
        self.weights_of = owner
        self.arrays.pop("weight")


@dataclass(slots=True)
class Draft(Generic[T, A]):
    """The lines so far. ``flat`` has the flattened copies of lines, ``reshaped`` those of other shapes."""

    lines: list[Line[T, A]] = field(default_factory=list, init=False)
    flat: dict[int, int] = field(default_factory=dict, init=False)
    reshaped: dict[tuple[int, Shape], int] = field(default_factory=dict, init=False)

    def new_line(
        self,
        type_: str,
        inputs: Sequence[int],
        keys: Mapping[str, str],
        shape: Shape,
        *,
        origin: T | None = None,
        hint: tuple[str, ...] = (),
        arrays: Mapping[str, A] | None = None,
        claimed: bool = False,
    ) -> int:
        """Add a line and return its number."""
        own = dict(arrays or {})
        self.lines.append(Line(type_, tuple(inputs), dict(keys), shape, origin, hint, own, claimed))
        return len(self.lines) - 1

    def zero_padded(self, line: int, pad: Pad) -> int:
        """Add a line with the output of a line, an image, and zeros around it, and return its number."""
        shape = ZeroPad(pad).shape((self.lines[line].shape,))
        return self.new_line("zeropad", [line], {"pad": pad_text(pad)}, shape, claimed=True)

    def flattened(self, line: int) -> int:
        """Return the line with the output of a line as a vector, adding it if that is an image."""
        shape = self.lines[line].shape
        if not shape.is_image:
            return line
        if line not in self.flat:
            self.flat[line] = self.new_line("flatten", [line], {}, Shape(shape.units))
        return self.flat[line]

    def with_shape(self, line: int, shape: Shape) -> int:
        """Return the line with the output of a line in this shape, adding it if that has another one."""
        if self.lines[line].shape == shape:
            return line
        if (line, shape) not in self.reshaped:
            self.reshaped[line, shape] = self.new_line("reshape", [line], {"size": str(shape)}, shape)
        return self.reshaped[line, shape]


def arrays_of(lines: Sequence[Line[Any, A]], names: Sequence[str]) -> dict[str, A]:
    """Return where the numbers of the parameters and running statistics of lines are, by key: ``conv1.weight``."""
    return {f"{name}.{key}": a for name, line in zip(names, lines, strict=True) for key, a in line.arrays.items()}


def origins_of(lines: Sequence[Line[T, Any]], names: Sequence[str]) -> dict[str, T]:
    """Return what lines were made from, by their names. Those that only change a shape are left out."""
    return {name: line.origin for name, line in zip(names, lines, strict=True) if line.origin is not None}
