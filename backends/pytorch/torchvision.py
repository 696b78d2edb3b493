"""Convert weights between torchvision's AlexNet and a graph.

torchvision stores AlexNet as ``features`` (convolutions at 0, 3, 6, 8, 10) and ``classifier`` (linear layers at 1, 4,
6); the numbers between belong to layers without weights. Both layouts have the same layers in the same order with
tensors of the same shapes, and flatten the last maps channel by channel, so only the keys differ:

=====================  ==========================
torchvision            alexnet-torchvision.net
=====================  ==========================
``features.0``         ``conv1``
``features.3``         ``conv2``
``features.6``         ``conv3``
``features.8``         ``conv4``
``features.10``        ``conv5``
``classifier.1``       ``fc6``
``classifier.4``       ``fc7``
``classifier.6``       ``fc8``
=====================  ==========================
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from torch import Tensor

from netspec.formatting import format_sizes
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Conv, Dropout, Flatten, Input, Linear, Loss, MaxPool, Relu, Softmax, word_of
from netspec.passes.padding import conv_padding, pool_padding
from netspec.passes.torch_names import state_keys

ALEXNET = (
    "features.0", "features.3", "features.6", "features.8", "features.10", "classifier.1", "classifier.4",
    "classifier.6",
)  # fmt: skip
"""torchvision's layers with weights in order, each with a ``weight`` and a ``bias``."""

_POOL = "maxpool 3x3, stride 2x2, pad 0x0"
FUNCTION = (
    "conv of 64 kernels 3x11x11, stride 4x4, pad 2x2", "relu", _POOL,
    "conv of 192 kernels 64x5x5, stride 1x1, pad 2x2", "relu", _POOL,
    "conv of 384 kernels 192x3x3, stride 1x1, pad 1x1", "relu",
    "conv of 256 kernels 384x3x3, stride 1x1, pad 1x1", "relu",
    "conv of 256 kernels 256x3x3, stride 1x1, pad 1x1", "relu", _POOL,
    "fc of 4096 outputs reading 9216", "relu",
    "fc of 4096 outputs reading 4096", "relu",
    "fc reading 4096",
)  # fmt: skip
"""The operations of torchvision's alexnet in evaluation, except the number of classes, which may vary."""


def torchvision_keys(graph: Graph) -> dict[str, str]:
    """Return torchvision's key of each tensor with the corresponding key in the graph's module.

    Shapes are not compared.

    Raises
    ------
    ValueError
        The graph does not have eight layers with one weight and one bias each.
    """
    keys = state_keys(graph)
    owners = list(dict.fromkeys(parameter.layer for parameter in graph.parameters.values()))
    if len(owners) != len(ALEXNET):
        raise ValueError(
            f"torchvision's alexnet has {len(ALEXNET)} layers with weights, {graph.name} has {len(owners)}"
        )
    keys_by_theirs: dict[str, str] = {}
    for theirs, layer in zip(ALEXNET, owners, strict=True):
        own = {parameter.role: keys[parameter.key] for parameter in graph.parameters_of(layer)}
        if len(own) != len(list(graph.parameters_of(layer))) or set(own) != {"weight", "bias"}:
            raise ValueError(f"{layer} does not have one weight and one bias, as {theirs} of torchvision's alexnet has")
        keys_by_theirs |= {f"{theirs}.{role}": key for role, key in own.items()}
    return keys_by_theirs


def to_torchvision(graph: Graph, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return torchvision's ``state_dict`` from that of a graph that computes the same function.

    Raises
    ------
    ValueError
        A layer of the graph has no counterpart in torchvision's alexnet, or vice versa.
    """
    nodes = [
        node for node in graph.nodes.values() if not isinstance(node.op, Input | Dropout | Flatten | Softmax | Loss)
    ]
    for node, theirs in zip_longest(nodes, FUNCTION):
        if node is None:
            raise ValueError(f"{graph.name} ends where torchvision's alexnet has: {theirs}")
        ours = _describe(graph, node)
        if ours != theirs:
            expected = f"has: {theirs}" if theirs is not None else "ends there"
            raise ValueError(f"{node.layer} ({ours}) has no counterpart: torchvision's alexnet {expected}")
    return {theirs: state_dict[key] for theirs, key in torchvision_keys(graph).items()}


def _describe(graph: Graph, node: Node) -> str:
    """Return the description of an operation, in the words of ``FUNCTION``."""
    (x, *_), op = graph.shapes(node), node.op
    match op:
        case Conv(filters, window, groups):
            padding = conv_padding(window, x)
            maps = f"{groups} groups of " if groups > 1 else "" if op.table is None else "a table of "
            kernels = f"{filters} kernels {maps}{x.channels // groups}x{format_sizes(window.kernel)}"
            pad = format_sizes(padding.image_pad or padding.op_pad)
            return f"conv of {kernels}, stride {format_sizes(window.stride)}, pad {pad}"
        case MaxPool(window):
            padding = pool_padding(window, x)
            rounded = ", rounded up" if padding.ceil_mode else ""
            pad = format_sizes(padding.image_pad or padding.op_pad)
            return f"maxpool {format_sizes(window.kernel)}, stride {format_sizes(window.stride)}, pad {pad}{rounded}"
        case Linear(outputs, groups):
            shares = f" in {groups} groups" if groups > 1 else ""
            last = [other.name for other in graph.nodes.values() if isinstance(other.op, Linear)][-1]
            number = "" if node.name == last and not shares else f" of {outputs} outputs"
            return f"fc{number} reading {x.units}{shares}"
        case Relu():
            return "relu"
        case _:
            return word_of(op)
