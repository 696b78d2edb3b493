"""Footprints of operations that combine several values or reshape one, and of softmax."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Loss, Op, Product, Reshape, Softmax, Sum
from netspec.plan.footprint.losses import loss
from netspec.plan.footprint.model import FULL, Footprint, Site


def join(op: Op, site: Site) -> Footprint:
    """The footprint of an operation that combines several values or reshapes one, of softmax, or of a loss."""
    width, numel, inputs = site.width, site.output_numel, len(site.inputs)
    match op:
        case Flatten() | Reshape():
            return Footprint(numel * width if site.strided else None, width)
        case Concat():
            return Footprint(numel * width, width, shares_gradient=True)
        case Softmax():
            return Footprint(numel * FULL, FULL, keeps_output=True)
        case Loss():
            return loss(op, site)
    if inputs == 1:
        return Footprint(None, width)
    if isinstance(op, Sum):
        return Footprint(numel * width, width, forward=numel * width if inputs > 2 else 0, shares_gradient=True)
    if isinstance(op, Product):
        return _product(site)
    # A maximum is taken of two values at a time; a boolean per unit records which was larger. All results but the last
    # are temporary.
    conditions = (inputs - 1) * numel
    return Footprint(numel * width, width, extra=conditions, forward=numel * width if inputs > 2 else 0)


def _product(site: Site) -> Footprint:
    """The footprint of a product of two or more inputs, which is computed from left to right.

    Autograd keeps the intermediate products too. Besides the gradient of the value, the backward pass has those of an
    intermediate product and of one factor at a time: for every pixel, and only then summed for a factor that has one
    unit for each channel.
    """
    numel, products = site.output_numel, 0
    largest = site.inputs[0].units
    for x in site.inputs[1:-1]:
        largest = max(largest, x.units)
        products += site.images * largest
    whole = sum(x.units == site.output.units for x in site.inputs)
    return Footprint(
        numel * site.width,
        site.width,
        keeps_factors=True,
        extra=products * site.width,
        backward=(2 - whole) * numel * site.width,
    )
