"""Create the modules of the forms that optimising passes chose for nodes."""

from __future__ import annotations

from torch import nn

from netspec.ir.graph import Node
from netspec.ir.ops import AvgPool, Bias, Conv, Dropout, MaxPool, SumPool
from netspec.ir.shape import Shape
from netspec.passes.fast import Forms

from ..ops.weighted import Convolution
from .chain import LrnChain
from .dropped import KernelDropout
from .grouped import GroupedConvolution
from .patched import PatchedConvolution
from .pooled import ChannelsLastMaxPool
from .rectified import RectifiedBias, RectifiedConvolution
from .separable import SeparablePool
from .unshuffled import UnshuffledConvolution


def form_module(node: Node, inputs: tuple[Shape, ...], forms: Forms) -> nn.Module | None:
    """Return the module of a node in its chosen form, or ``None`` if no pass chose one.

    It is the identity if the form of another node also computes this one.
    """
    if forms.is_absorbed(node):
        return nn.Identity()
    if node.name in forms.chains:
        return LrnChain(forms.chains[node.name], inputs[0])
    if isinstance(node.op, MaxPool) and node.name in forms.pools:
        return ChannelsLastMaxPool(node.op, inputs[0])
    if isinstance(node.op, AvgPool | SumPool) and node.name in forms.sums:
        return SeparablePool(node.op, inputs[0])
    if isinstance(node.op, Dropout) and node.name in forms.dropped:
        return KernelDropout(node.op, node.output)
    if isinstance(node.op, Bias) and node.name in forms.rectified:
        return RectifiedBias(node.output)
    if not isinstance(node.op, Conv):
        return None
    formed: nn.Module | None = None
    if node.name in forms.unshuffled:
        formed = UnshuffledConvolution(node.op, inputs[0], forms.unshuffled[node.name])
    elif node.name in forms.grouped:
        formed = GroupedConvolution(node.op, inputs[0], node.params[0])
    elif node.name in forms.patched:
        formed = PatchedConvolution(node.op, inputs[0])
    if node.name in forms.rectified:
        return RectifiedConvolution(formed or Convolution(node.op, inputs[0]), node.output)
    return formed
