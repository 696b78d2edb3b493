"""The gradient of the weight of a convolution over one channel, as a product with the image's patches side by side.

The library's convolutions are made for many channels. With one, as grey images have, the gradient of the weight takes
several times as long as the convolution itself. The patches, of which there are as many numbers as the kernel has
pixels for each place, are written one after the other (im2col), a few images at a time, and a product of matrices does
the rest.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.passes.fast.model import Forms, Pass

FEWEST = 2**17
"""Numbers of patches, below which the library's gradient is over before several operations have begun."""


def pays(node: Node, x: Shape) -> bool:
    """Whether a node is a convolution over one channel."""
    return isinstance(node.op, Conv) and x.channels == 1 and node.op.table is None


def patches(node: Node) -> int:
    """How many numbers the patches of an image are: the kernel's pixels at each place."""
    assert isinstance(node.op, Conv)
    return node.output.height * node.output.width * node.op.window.area


def _apply(graph: Graph, forms: Forms) -> Forms:
    if graph.train.precision != "fp32":  # under autocast gradients are the library's
        return forms
    found = frozenset(node.name for node in graph.nodes.values() if node.inputs and pays(node, graph.shapes(node)[0]))
    found -= set(forms.unshuffled)
    return replace(forms, patched=found) if found else forms


def _enough(graph: Graph, forms: Forms, images: int) -> Forms:
    return replace(forms, patched=frozenset(n for n in forms.patched if images * patches(graph.nodes[n]) >= FEWEST))


PASS = Pass(
    "im2col",
    "the gradient of the weight of a convolution over one channel is a product with the image's patches",
    "the same products, summed in another order",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a gradient takes 0.3 to 0.5 of its time",
        "cuda": "off: not measured there",
    },
    _apply,
    _enough,
    runs_on=("cpu",),
)
