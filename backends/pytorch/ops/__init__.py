"""Emit operations as modules.

These modules have no parameters of their own: ``forward`` takes the values that the operation reads, then its
parameters in order, then its buffers. The layer to which the operation belongs holds parameters and buffers.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from netspec.ir.ops import Op
from netspec.ir.shape import Shape

from . import channels, joins, losses, neurons, norms, pooling, spatial, weighted
from .emission import Emission

TABLE: Mapping[type[Op], Emission] = {
    **weighted.TABLE,
    **pooling.TABLE,
    **spatial.TABLE,
    **norms.TABLE,
    **neurons.TABLE,
    **joins.TABLE,
    **channels.TABLE,
    **losses.TABLE,
}


def emit(op: Op, inputs: tuple[Shape, ...]) -> nn.Module:
    """Return the module that computes an operation on values of these shapes."""
    return TABLE[type(op)](op, inputs)


def buffers(op: Op, inputs: tuple[Shape, ...]) -> dict[str, Tensor]:
    """Return the initial buffers of an operation by name."""
    make = norms.BUFFERS.get(type(op))
    return make(inputs[0].channels) if make is not None else {}
