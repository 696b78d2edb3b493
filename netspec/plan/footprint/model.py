"""Data types: an operation's memory footprint, and the circumstances that it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from netspec.ir.shape import Shape
from netspec.ir.widths import FULL
from netspec.ir.window import Pad

INDEX = 8
"""Bytes of an int64: the index of a maximum within a pooling window, a random word for a normal number."""

WORD = 4
"""Bytes of an int32: the random word that decides whether dropout keeps a unit."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory of one operation on one device, in bytes.

    Attributes
    ----------
    output:
        Size of the value; ``None`` if it is a view of the first input.
    part:
        Size of a view that is a part of the first input. Its gradient has this size, and that of the input is a new
        tensor.
    width:
        Bytes per number of the value.
    keeps_input, keeps_output:
        Whether autograd keeps the (last) input, or the value, for the backward pass.
    keeps_inputs:
        The indices of the inputs that autograd keeps, if they are not just the last one.
    extra:
        What autograd keeps besides those.
    forward:
        Temporaries during the forward computation.
    backward:
        Temporaries during the backward computation, besides the gradients of the value and of the inputs.
    later:
        Temporaries later in the backward computation, when what was kept and the value's gradient have been freed.
    shares_gradient:
        Whether the inputs' gradient is the value's gradient itself, not a new tensor.
    """

    output: int | None
    width: int
    keeps_input: bool = False
    keeps_output: bool = False
    keeps_inputs: tuple[int, ...] = ()
    extra: int = 0
    forward: int = 0
    backward: int = 0
    later: int = 0
    shares_gradient: bool = False
    part: int = 0

    @property
    def passes_gradient(self) -> bool:
        """Whether the input's gradient is the value's gradient itself, seen differently or not."""
        return (self.output is None and not self.part) or self.shares_gradient


@dataclass(frozen=True, slots=True)
class Site:
    """The circumstances of an operation: one device's shapes of its inputs and output, and the number of images.

    ``widths`` are the bytes per number of each input, ``product_width`` those of a product's result. ``learning`` says
    of each input whether it has a gradient, ``shared`` that several devices normalise over the batch together,
    ``strided`` that the first input is not contiguous.
    """

    inputs: tuple[Shape, ...]
    output: Shape
    images: int
    widths: tuple[int, ...]
    learning: tuple[bool, ...]
    product_width: int = FULL
    shared: bool = False
    strided: bool = False

    @property
    def input_numel(self) -> int:
        """How many numbers the first input has."""
        return self.images * self.inputs[0].units

    @property
    def output_numel(self) -> int:
        """How many numbers the value has."""
        return self.images * self.output.units

    @property
    def width(self) -> int:
        """Bytes per number when several inputs are combined: those of the widest."""
        return max(self.widths)

    def padded(self, pad: Pad) -> int:
        """How many numbers the first input has after padding."""
        x = self.inputs[0]
        rows, columns = x.height + pad.top + pad.bottom, x.width + pad.left + pad.right
        return self.images * x.channels * rows * columns


def chain(*gradients: int) -> tuple[int, int]:
    """Return the temporaries of a gradient that passes through a chain of operations, as (``backward``, ``later``).

    ``gradients`` are the bytes of the gradients along the chain, from the value's to the input's. Only the first
    operation reads what was kept from the forward pass. Each needs just the gradients that it reads and writes, so the
    two results are the peaks during the first operation and after it, without the gradients of value and input.
    """
    last = gradients[-1]
    later = max((a + b for a, b in pairwise(gradients[1:])), default=last)
    return gradients[1] - last, later - last
