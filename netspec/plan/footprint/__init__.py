"""The memory footprint of each operation of a training step, as the ``pytorch`` backend emits it.

From the forward pass torch keeps the tensors that the formulas in its ``derivatives.yaml`` name: a convolution keeps
its input and weight, a ReLU its output, a maximum pooling its input and the int64 indices of the largest pixels. Where
the backend pads an image first, or autocast makes a copy in lower precision, that copy is kept instead of the value.

Under autocast to bfloat16, products and parametric ReLUs take 2 bytes per number. Normalisations other than that of
batches, interpolated pixels, softmax and losses take 4 (the backend widens them). Everything else takes as many as its
input.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.ops import Conv, Loss, Op, Pool
from netspec.ir.widths import FULL
from netspec.plan.footprint.joins import Channels, Join, channels, join
from netspec.plan.footprint.losses import loss
from netspec.plan.footprint.model import Footprint, Site
from netspec.plan.footprint.neurons import neuron
from netspec.plan.footprint.norms import Norm, norm
from netspec.plan.footprint.weighted import Weighted, weighted
from netspec.plan.footprint.windows import Spatial, pool, spatial


def footprint(op: Op, site: Site) -> Footprint:
    """Return an operation's footprint in training mode."""
    if isinstance(op, Conv) and op.table is not None:  # the weight masked by the connection table is kept as well
        dense = weighted(op, site)
        masked = op.filters * site.inputs[0].channels * op.window.area * FULL
        return replace(dense, extra=dense.extra + masked)
    if isinstance(op, Weighted):
        return weighted(op, site)
    if isinstance(op, Norm):
        return norm(op, site)
    if isinstance(op, Pool):
        return pool(op, site)
    if isinstance(op, Spatial):
        return spatial(op, site)
    if isinstance(op, Channels):
        return channels(op, site)
    if isinstance(op, Join):
        return join(op, site)
    return loss(op, site) if isinstance(op, Loss) else neuron(op, site)
