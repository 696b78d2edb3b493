"""What an operation of a training step holds in memory, as the ``pytorch`` backend emits it.

torch keeps from the forward pass what the formulas of its ``derivatives.yaml`` name: a convolution its input and
weight, a ReLU its output, a maximum pooling its input and the places of the largest pixels in int64. Where the
backend pads an image first or autocast makes a copy of less precision, that copy is kept in place of the value.

Under autocast to bfloat16 products are computed in 2 bytes a number; normalisations across and within maps, softmax
and losses in 4 (the backend widens them); everything else in what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from netspec.ir.ops import (
    Abs,
    AvgPool,
    BatchNorm,
    Bias,
    BinaryCrossEntropy,
    Blur,
    CauchyError,
    ChannelScale,
    ColourSpace,
    Concat,
    ContrastNorm,
    Conv,
    Crop,
    Dropout,
    Elu,
    Flatten,
    GatedSumSquares,
    LeakyRelu,
    Linear,
    LinearNeuron,
    Local,
    Log,
    Loss,
    Lrn,
    MapNorm,
    Max,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    NoisyRelu,
    Op,
    Pool,
    RandomScale,
    Relu6,
    Reshape,
    Resize,
    SetCrossEntropy,
    Softmax,
    SoftRelu,
    Sqrt,
    Square,
    Sum,
    SumPool,
    SumSquares,
    Tanh,
    Topographic,
    ZeroPad,
)
from netspec.ir.shape import Shape
from netspec.ir.window import Pad
from netspec.passes.padding import conv_padding, exact_padding, pool_padding

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


def footprint(op: Op, site: Site) -> Footprint:
    """What an operation holds. Losses and dropout as in training."""
    match op:
        case Conv(table=table) if table is not None:  # the weight with zeros in its absent places is kept as well
            found = _weighted(op, site)
            masked = op.filters * site.inputs[0].channels * op.window.area * FULL
            return replace(found, extra=found.extra + masked)
        case Conv() | Local() | Linear() | ChannelScale() | Bias():
            return _weighted(op, site)
        case Lrn() | MapNorm() | BatchNorm() | Dropout():
            return _norm(op, site)
        case MaxPool() | AvgPool() | SumPool() | MaxAbsPool():
            return _pool(op, site)
        case Blur() | Mirror() | Nailbed() | Crop() | ZeroPad() | Resize() | RandomScale() | ColourSpace():
            return _spatial(op, site)
        case Concat() | Sum() | Max() | Flatten() | Reshape() | Softmax() | Loss():
            return _join(op, site)
        case _:
            return _neuron(op, site)


def chain(*gradients: int) -> tuple[int, int]:
    """What a gradient takes that passes through several operations, in bytes from the value's to the input's.

    The first of them reads what was kept; each holds only the gradients that it reads and makes. So beside those of
    value and input: what there is at first, and what there is later.
    """
    last = gradients[-1]
    later = max((a + b for a, b in pairwise(gradients[1:])), default=last)
    return gradients[1] - last, later - last


def _weighted(op: Conv | Local | Linear | ChannelScale | Bias, site: Site) -> Footprint:
    width, low, read, made = site.widths[0], site.low, site.read, site.made
    if isinstance(op, Bias):  # the sum of a value and a float32 bias
        return Footprint(made * FULL, FULL, hands_on=width == FULL)
    if isinstance(op, ChannelScale):  # by a float32 weight; back, the products that its gradient is the sum of
        return Footprint(made * FULL, FULL, keeps_input=True, backward=made * FULL)
    if isinstance(op, Local):
        return _local(op, site)
    if isinstance(op, Conv):
        before = conv_padding(op.window, site.inputs[0]).before
        if before is not None:
            padded = site.padded(before)
            cast = (padded * width,) if width != low else ()
            back, later = chain(made * low, padded * low, *cast, read * width)
            kept = padded * low
            return Footprint(made * low, low, extra=kept, forward=sum(cast), backward=back, later=later)
    result, forward = low, 0
    if isinstance(op, Linear) and op.groups > 1:  # products side by side, brought into one row, and the bias added
        result = FULL if op.bias else low
        forward = made * low * (2 if op.bias else 1)
    if width == low and not (site.strided and isinstance(op, Linear)):
        return Footprint(made * result, result, keeps_input=True, forward=forward, backward=forward // 2)
    back, later = chain(made * low, read * low, read * width)
    return Footprint(made * result, result, extra=read * low, forward=forward, backward=back, later=later)


def _local(op: Local, site: Site) -> Footprint:
    """The unrolled patches are kept; the products are laid in the value's order, and the bias added."""
    x, y, low = site.inputs[0], site.output, site.low
    patches = site.images * x.channels * op.window.area * y.height * y.width
    padded = site.padded(op.window.effective_pad(x.height, x.width)) * site.widths[0]
    kernels = y.units * (x.channels // op.groups) * op.window.area * low
    width = FULL if op.bias else low
    copied = op.groups > 1 or site.widths[0] != low
    laid = (patches * low,) if copied else ()
    back, later = chain(site.made * low, patches * low, *laid, padded, site.read * site.widths[0])
    return Footprint(
        site.made * width,
        width,
        extra=patches * low + (kernels if op.groups > 1 and low == FULL else 0),
        forward=max(padded, patches * site.widths[0] if copied else 0, site.made * low) - site.made * width,
        backward=back,
        later=later,
    )


def _norm(op: Lrn | MapNorm | BatchNorm | Dropout, site: Site) -> Footprint:
    width, numbers = site.widths[0], site.read
    if isinstance(op, Dropout):  # a mask; whom it keeps is decided before, in two arrays of 32-bit words
        return Footprint(numbers * width, width, extra=numbers * width, forward=2 * numbers * (WORD - width))
    if isinstance(op, BatchNorm):
        if not site.shared:
            return Footprint(numbers * width, width, keeps_input=True, extra=2 * site.output.channels * FULL)
        maps = 2 if op.affine else 1  # what is centred, and what is normalised before it is scaled
        wide = numbers * FULL
        return Footprint(numbers * width, width, extra=maps * wide, forward=wide, backward=3 * wide)
    maps = numbers * FULL
    wide = width == FULL
    copy = 0 if wide else maps
    if isinstance(op, Lrn):  # its input, base and power; back, two sums
        back, later = chain(maps, *((maps,) if copy else ()), numbers * width)
        return Footprint(
            maps, FULL, keeps_input=wide, extra=2 * maps + copy, forward=maps, backward=2 * maps + back, later=later
        )
    before = op.size // 2
    after = op.size - 1 - before
    padded = site.padded(Pad(before, after, before, after)) * FULL
    kept = padded + 2 * maps  # the squares with zeros around them, the base, the base's power
    if isinstance(op, ContrastNorm):
        kept += padded + maps
    return Footprint(maps, FULL, keeps_input=wide, extra=kept + copy, forward=2 * maps, backward=2 * maps + copy)


def _spatial(
    op: Blur | Mirror | Nailbed | Crop | ZeroPad | Resize | RandomScale | ColourSpace, site: Site
) -> Footprint:
    width, made = site.widths[0], site.made
    x, y = site.inputs[0], site.output
    if isinstance(op, Nailbed):
        return Footprint(None, width, backward=site.read * width // op.stride)  # rows, then columns are put back
    if isinstance(op, Crop):
        return Footprint(None, width, backward=made // y.width * x.width * width)  # columns, then rows are put back
    if isinstance(op, Mirror | ZeroPad):
        return Footprint(made * width, width)
    if isinstance(op, ColourSpace):
        wide = made * FULL
        colours = 2 * wide // 3  # back, those of one channel, and what one more adds
        if op.to == "yuv":
            return Footprint(wide, FULL, forward=wide, backward=colours)
        # Of its numbers between the matrices: themselves, which are above the least, and those at least so large.
        return Footprint(wide, FULL, extra=2 * wide + made, forward=wide, backward=2 * wide + colours)
    if isinstance(op, Resize | RandomScale):
        low = site.low
        between = made // y.width * x.width * low
        cast = (site.read * low,) if width != low else ()
        matrices = (y.height * x.height + y.width * x.width) * low
        back, later = chain(made * low, between, *cast, site.read * width)
        return Footprint(made * low, low, extra=matrices, forward=sum(cast) + between, backward=back, later=later)
    before = op.size // 2
    after = op.size - 1 - before
    lines = site.padded(Pad(before, after, before, after))
    rows = site.padded(Pad(0, 0, before, after))
    cast = (lines * width,) if width != site.low else ()
    back, later = chain(made * site.low, rows * site.low, lines * site.low, *cast, made * width)
    kept = (lines + rows) * site.low
    return Footprint(made * site.low, site.low, extra=kept, forward=sum(cast), backward=back, later=later)


def _pool(op: Pool, site: Site) -> Footprint:
    width, low, made = site.widths[0], site.low, site.made
    x = site.inputs[0]
    pad = pool_padding(op.window, x).before
    if isinstance(op, MaxPool):
        places = made * INDEX
        if pad is None:
            return Footprint(made * width, width, keeps_input=True, extra=places)
        padded = site.padded(pad) * width
        back, later = chain(made * width, padded, site.read * width)
        return Footprint(made * width, width, extra=padded + places, backward=back, later=later)
    if isinstance(op, MaxAbsPool):  # the image turned round; forward, it and the magnitudes before they are turned
        padded = site.padded(exact_padding(op.window, x)) * width
        back, later = chain(made * width, padded, padded, site.read * width)
        places = made * INDEX
        return Footprint(made * width, width, extra=padded + places, forward=2 * padded, backward=back, later=later)
    if isinstance(op, AvgPool) and pad is None and op.window.dilation == (1, 1):
        return Footprint(made * width, width, keeps_input=True)
    padded = site.padded(op.window.effective_pad(x.height, x.width))
    cast = (padded * width,) if width != low else ()
    back, later = chain(made * low, padded * low, *cast, site.read * width)
    total = made * low if isinstance(op, AvgPool) else 0
    return Footprint(made * low, low, extra=padded * low, forward=max(sum(cast), total), backward=back, later=later)


def _join(op: Op, site: Site) -> Footprint:
    width, made, several = site.width, site.made, len(site.inputs)
    match op:
        case Flatten() | Reshape():
            return Footprint(made * width if site.strided else None, width)
        case Concat():
            return Footprint(made * width, width, hands_on=True)
        case Softmax():
            return Footprint(made * FULL, FULL, keeps_output=True)
        case Loss():
            return _loss(op, site)
    if several == 1:
        return Footprint(None, width)
    if isinstance(op, Sum):
        return Footprint(made * width, width, forward=made * width if several > 2 else 0, hands_on=True)
    # A truth value a unit says which of two was larger; each choice but the last is a value that goes.
    conditions = (several - 1) * made
    return Footprint(made * width, width, extra=conditions, forward=made * width if several > 2 else 0)


def _loss(op: Loss, site: Site) -> Footprint:
    """Of the scores' size: probabilities or differences, and the targets."""
    scores, wide = site.read * FULL, site.width == FULL
    keeps, copies = False, 1
    if isinstance(op, GatedSumSquares | Topographic):
        return _sum_of_squares(op, site)
    if isinstance(op, SetCrossEntropy):
        return Footprint(FULL, FULL, extra=(site.read + site.images * _set_numbers(op, site.inputs[0].units)) * FULL)
    if isinstance(op, SumSquares):
        keeps, copies = wide, 0 if wide else 1
    elif isinstance(op, BinaryCrossEntropy) and op.of == "probabilities":  # both, cut off, and the targets of both
        keeps, copies = wide, 5 if wide else 6
    elif isinstance(op, BinaryCrossEntropy):  # it keeps the scores themselves as well
        keeps, copies = wide, 1 if wide else 2
    elif isinstance(op, CauchyError):  # and the squares of the differences
        copies = 2
    return Footprint(FULL, FULL, keeps_input=keeps, extra=copies * scores, forward=scores)


def _sum_of_squares(op: GatedSumSquares | Topographic, site: Site) -> Footprint:
    """The value (the last input) or its copy; around pixels, the padded squares and the slopes as well."""
    value = site.images * site.inputs[-1].units * FULL
    wide = site.widths[-1] == FULL
    extra = 0 if wide else value
    if isinstance(op, Topographic):
        before = op.size // 2
        extra += site.padded(Pad(before, op.size - 1 - before, before, op.size - 1 - before)) * FULL + value
    return Footprint(FULL, FULL, keeps_input=wide, extra=extra, forward=value)


def _set_numbers(op: SetCrossEntropy, classes: int) -> int:
    """What products of polynomials keep, in numbers an image: the terms of each coefficient, and itself."""

    def product(p: int, q: int, most: int) -> int:
        degrees = range(min(p + q, most) + 1)
        return sum(min(s, p) - max(0, s - q) + 2 for s in degrees)

    depth = (classes - 1).bit_length()
    degrees = [min(1 << level, op.size) for level in range(depth + 1)]
    numbers, beyond = 0, 0
    for level in reversed(range(depth)):
        runs, degree = 1 << (depth - level - 1), degrees[level]
        numbers += runs * (product(degree, degree, op.size) + 2 * product(beyond, degree, op.size - 1))
        beyond = min(beyond + degree, op.size - 1)
    return numbers


def _neuron(op: Op, site: Site) -> Footprint:
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
