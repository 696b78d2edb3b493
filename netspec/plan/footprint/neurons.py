"""Operations on each unit by itself."""

from __future__ import annotations

from netspec.ir.ops import Abs, Elu, LeakyRelu, LinearNeuron, Log, NoisyRelu, Op, Relu6, SoftRelu, Sqrt, Square, Tanh
from netspec.plan.footprint.model import FULL, INDEX, Footprint, Site


def neuron(op: Op, site: Site) -> Footprint:
    """A function of each unit."""
    width, numbers = site.widths[0], site.made
    own, wide = numbers * width, numbers * FULL
    match op:
        case NoisyRelu():  # what is kept, and what was above 0; the noise comes of words, in arrays of 64 bits
            return Footprint(own, width, extra=own + numbers, forward=numbers * (4 * INDEX - 2 * width - 1))
        case LinearNeuron(a=1, b=0):
            return Footprint(None, width)
        case LinearNeuron():
            return Footprint(own, width, forward=own)
        case Tanh(a=a, b=b) if (a, b) != (1, 1):
            return Footprint(own, width, extra=own)
        case SoftRelu() | Square() | Log() if width != FULL:  # autocast widens powers, softplus and logarithms
            return Footprint(wide, FULL, extra=wide, backward=2 * wide)
        case Log(a=a) if a:
            return Footprint(own, width, extra=own)
        case Relu6() | LeakyRelu() | Elu() | SoftRelu() | Log():
            return Footprint(own, width, keeps_input=True)
        case Square():
            return Footprint(own, width, keeps_input=True, backward=2 * own)
        case Abs():
            return Footprint(own, width, keeps_input=True, backward=own)
        case Sqrt():
            return Footprint(own, width, keeps_output=True, backward=own)
        case _:
            return Footprint(own, width, keeps_output=True)
