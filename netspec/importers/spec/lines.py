"""A line of a spec, before the spec is written."""

from __future__ import annotations

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
