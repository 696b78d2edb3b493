"""What is said of an operation's memory, and of the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from netspec.ir.shape import Shape
from netspec.ir.window import Pad

FULL = 4
"""Bytes of a number in float32."""

INDEX = 8
"""Bytes of a place in a maximum pooling's window, and of a word that a normal number is drawn from: int64."""

WORD = 4
"""Bytes of a word that decides whether a unit is kept: int32."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of one operation on one device.

    ``output`` is what its value takes (``None``: it is its first input, seen otherwise), ``width`` what a number of
    it takes. ``keeps_input`` and ``keeps_output`` say that autograd keeps the (last) input, or the value; ``extra`` is
    what it keeps beside. ``forward`` and ``backward`` are temporaries while it is computed, in the backward pass
    beside the gradients of its value and inputs; ``later`` those when what was kept is gone, and its value's gradient.
    ``hands_on``: its inputs' gradient is its value's gradient itself.
    """

    output: int | None
    width: int
    keeps_input: bool = False
    keeps_output: bool = False
    extra: int = 0
    forward: int = 0
    backward: int = 0
    later: int = 0
    hands_on: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """An operation where it stands: shapes of what one device reads and makes of it, for so many images.

    ``widths`` are the bytes of a number of each input, ``low`` those of a product. ``shared`` says that devices
    normalise over a batch together, ``strided`` that the first input's pixels do not lie one after the other.
    """

    inputs: tuple[Shape, ...]
    output: Shape
    images: int
    widths: tuple[int, ...]
    low: int = FULL
    shared: bool = False
    strided: bool = False

    @property
    def read(self) -> int:
        """Numbers of the first input."""
        return self.images * self.inputs[0].units

    @property
    def made(self) -> int:
        """Numbers of the value."""
        return self.images * self.output.units

    @property
    def width(self) -> int:
        """Bytes of a number where several inputs are joined: of the widest."""
        return max(self.widths)

    def padded(self, pad: Pad) -> int:
        """Numbers of the first input with padding laid around it."""
        x = self.inputs[0]
        rows, columns = x.height + pad.top + pad.bottom, x.width + pad.left + pad.right
        return self.images * x.channels * rows * columns


def chain(*gradients: int) -> tuple[int, int]:
    """What a gradient takes that passes through several operations, in bytes from the value's to the input's.

    The first of them reads what was kept; each holds only the gradients that it reads and makes. So beside those of
    value and input: what there is at first, and what there is later.
    """
    last = gradients[-1]
    later = max((a + b for a, b in pairwise(gradients[1:])), default=last)
    return gradients[1] - last, later - last
