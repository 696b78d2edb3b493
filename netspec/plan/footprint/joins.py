"""What puts several values together, or sees one otherwise."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Loss, Op, Reshape, Softmax, Sum
from netspec.plan.footprint.losses import loss
from netspec.plan.footprint.model import FULL, Footprint, Site


def join(op: Op, site: Site) -> Footprint:
    """Values put together, or one seen otherwise."""
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
    # A truth value a unit says which of two was larger; each choice but the last is a value that goes.
    conditions = (several - 1) * made
    return Footprint(made * width, width, extra=conditions, forward=made * width if several > 2 else 0)
