"""A line of a spec, before the spec is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netspec.ir.shape import Shape


@dataclass(slots=True, eq=False)
class Line:
    """A line of the spec: ``[conv1] conv filters=96 -> 96x55x55``. Two lines that say the same are different ones.

    ``inputs`` are the numbers of the lines that it reads. ``claimed``: its shape is stated, because it follows from
    arithmetic. ``weights_of`` is the line whose weights it uses.
    """

    type: str
    inputs: tuple[int, ...]
    keys: dict[str, str]
    shape: Shape
    claimed: bool
    weights_of: int | None = field(default=None, kw_only=True)

    @property
    def needs(self) -> tuple[int, ...]:
        """The numbers of the lines that must stay with this one: its inputs, and the line whose weights it uses."""
        return self.inputs if self.weights_of is None else (*self.inputs, self.weights_of)

    def renumber(self, number_of: Callable[[int], int]) -> None:
        """Let the line refer to others by their new numbers."""
        self.inputs = tuple(map(number_of, self.inputs))
        self.weights_of = None if self.weights_of is None else number_of(self.weights_of)
