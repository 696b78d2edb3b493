"""Footprints of operations that combine several values or reshape one, and of softmax."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Loss, Op, Reshape, Softmax, Sum
from netspec.plan.footprint.losses import loss
from netspec.plan.footprint.model import FULL, Footprint, Site


def join(op: Op, site: Site) -> Footprint:
    """The footprint of an operation that combines several values or reshapes one, of softmax, or of a loss."""
    width, made, several = site.width, site.made, len(site.inputs)
    match op:
        case Flatten() | Reshape():
            return Footprint(made * width if site.strided else None, width)
        case Concat():
            return Footprint(made * width, width, hands_on=True)
        case Softmax():
            return Footprint(made * FULL, FULL, keeps_output=True)
        case Loss():
            return loss(op, site)
    if several == 1:
        return Footprint(None, width)
    if isinstance(op, Sum):
        return Footprint(made * width, width, forward=made * width if several > 2 else 0, hands_on=True)
    # A maximum is taken of two values at a time; a boolean per unit records which was larger. All results but the last
    # are temporary.
    conditions = (several - 1) * made
    return Footprint(made * width, width, extra=conditions, forward=made * width if several > 2 else 0)
