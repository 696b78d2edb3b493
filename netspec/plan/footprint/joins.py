"""Footprints of operations that combine several values, reshape one or take, rearrange or reduce channels, and of
softmax."""

from __future__ import annotations

from itertools import accumulate
from operator import or_

from netspec.ir import ops
from netspec.ir.widths import FULL
from netspec.plan.footprint.model import INDEX, Footprint, Site

Join = ops.Concat | ops.Sum | ops.Max | ops.Product | ops.Flatten | ops.Reshape | ops.Softmax
Channels = ops.Slice | ops.Shuffle | ops.PixelShuffle | ops.PixelUnshuffle | ops.ChannelMax | ops.ChannelMean


def join(op: Join, site: Site) -> Footprint:
    """The footprint of an operation that combines several values or reshapes one, or of softmax."""
    width, numel, inputs = site.width, site.output_numel, len(site.inputs)
    match op:
        case ops.Flatten() | ops.Reshape():
            return Footprint(numel * width if site.strided else None, width)
        case ops.Concat():
            return Footprint(numel * width, width, shares_gradient=True)
        case ops.Softmax():
            return Footprint(numel * FULL, FULL, keeps_output=True)
    if inputs == 1:
        return Footprint(None, width)
    if isinstance(op, ops.Sum):
        return Footprint(numel * width, width, forward=numel * width if inputs > 2 else 0, shares_gradient=True)
    if isinstance(op, ops.Product):
        return _product(site)
    # A maximum is taken of two values at a time; a boolean per unit records which was larger. All results but the last
    # are temporary.
    conditions = (inputs - 1) * numel
    return Footprint(numel * width, width, extra=conditions, forward=numel * width if inputs > 2 else 0)


def channels(op: Channels, site: Site) -> Footprint:
    """The footprint of an operation that takes, rearranges or reduces channels."""
    width, numel = site.width, site.output_numel
    match op:
        case ops.Slice(groups=1):
            return Footprint(None, width, part=numel * width)
        case ops.ChannelMax():  # keeps the place of each maximum; backward puts the gradients into zeros
            return Footprint(numel * width, width, extra=numel * INDEX, backward=site.input_numel * width)
    return Footprint(numel * width, width)


def _product(site: Site) -> Footprint:
    """The footprint of a product of two or more inputs, which is computed from left to right.

    Each multiplication has two factors, the product of the inputs before and an input. Autograd keeps each of them for
    the gradient of the other. A product has the precision of its wider factor, and so have both gradients, which the
    backward pass computes for every pixel. It then sums that of a factor with one unit for each channel, and copies
    that of a narrower factor to its own precision.
    """
    numels, widths = [site.images * x.units for x in site.inputs], site.widths
    products = [n * width for n, width in zip(accumulate(numels, max), accumulate(widths, max), strict=True)]
    learning = list(accumulate(site.learning, or_))
    multiplications = range(1, len(numels))
    keeps = {i for i in multiplications if learning[i - 1]} | ({0} if site.learning[1] else set())
    extras = [products[i - 1] if i > 1 and site.learning[i] else 0 for i in range(len(numels))]
    gradients = [n * width * learns for n, width, learns in zip(numels, widths, site.learning, strict=True)]

    def narrowed(i: int) -> int:
        """The copy of a narrower factor's gradient."""
        width = max(widths[: i + 1])
        before = products[i - 1] if learning[i - 1] and max(widths[:i]) < width else 0
        return max(before, gradients[i] if widths[i] < width else 0)

    moments = [  # a multiplication's gradients, what is kept for it and those before, the gradients of later inputs
        products[i] * (1 + learning[i - 1] + site.learning[i])
        + narrowed(i)
        + sum(extras[: i + 1])
        + sum(gradients[i + 1 :])
        for i in multiplications
        if learning[i]
    ]
    return Footprint(
        products[-1],
        site.width,
        keeps_inputs=tuple(sorted(keeps)),
        extra=sum(extras),
        forward=max((products[i - 1] for i in multiplications if i > 1 and not extras[i]), default=0),
        backward=max(moments, default=0) - products[-1] - sum(gradients) - sum(extras),
    )
