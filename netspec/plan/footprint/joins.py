"""Footprints of operations that combine several values or reshape one, and of softmax."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Loss, Op, Reshape, Softmax, Sum
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
    # A maximum is taken of two values at a time; a boolean per unit records which was larger. All results but the last
    # are temporary.
    conditions = (inputs - 1) * numel
    return Footprint(numel * width, width, extra=conditions, forward=numel * width if inputs > 2 else 0)
