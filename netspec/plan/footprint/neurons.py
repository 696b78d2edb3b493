"""Footprints of elementwise operations."""

from __future__ import annotations

from netspec.ir.ops import (
    Abs,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LinearNeuron,
    Log,
    Mish,
    NoisyRelu,
    Op,
    Relu6,
    Silu,
    SoftRelu,
    Sqrt,
    Square,
    Tanh,
)
from netspec.ir.widths import FULL
from netspec.plan.footprint.model import INDEX, Footprint, Site


def neuron(op: Op, site: Site) -> Footprint:
    """The footprint of an elementwise function."""
    width, numbers = site.widths[0], site.output_numel
    size, wide = numbers * width, numbers * FULL
    match op:
        case NoisyRelu():  # keeps a copy and a mask of what is above 0; the noise is drawn from arrays of 64-bit words
            return Footprint(size, width, extra=size + numbers, forward=numbers * (4 * INDEX - 2 * width - 1))
        case LinearNeuron(a=1, b=0):
            return Footprint(None, width)
        case LinearNeuron():
            return Footprint(size, width, forward=size)
        case Tanh(a=a, b=b) if (a, b) != (1, 1):
            return Footprint(size, width, extra=size)
        case SoftRelu() | Square() | Log() if width != FULL:  # autocast computes powers, softplus and log in float32
            return Footprint(wide, FULL, extra=wide, backward=2 * wide)
        case Log(a=a) if a:
            return Footprint(size, width, extra=size)
        case (
            Relu6() | LeakyRelu() | Elu() | Silu() | Mish() | Gelu() | HardSwish() | HardSigmoid() | SoftRelu() | Log()
        ):
            return Footprint(size, width, keeps_input=True)
        case Square():
            return Footprint(size, width, keeps_input=True, backward=2 * size)
        case Abs():
            return Footprint(size, width, keeps_input=True, backward=size)
        case Sqrt():
            return Footprint(size, width, keeps_output=True, backward=size)
        case _:
            return Footprint(size, width, keeps_output=True)
