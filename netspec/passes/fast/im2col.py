"""The weight gradient of a convolution over a single channel, as a matrix product with the image's patches.

PyTorch's convolutions are made for many channels. With one, as in grey images, the gradient of the weight takes several
times as long as the convolution itself. Instead, the patches that the kernel covers at each position are copied into a
matrix (im2col), for a few images at a time, and the gradient is a matrix product.

LeNet's first convolution, 5 x 5 over 32 x 32 grey pixels, has 28 x 28 = 784 positions. The gradient of its 6 kernels is
the product of the output's gradient, 6 x 784, and the patches, 784 x 25: the sums over positions that define it.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.passes.fast.model import Forms, Pass

MIN_ELEMENTS = 2**17
"""The minimum size of a batch's patches; below, the overhead of several operations exceeds the time of PyTorch's
gradient."""


def pays(node: Node, x: Shape) -> bool:
    """Whether the form pays off for a node: a convolution over a single channel."""
    return isinstance(node.op, Conv) and x.channels == 1 and node.op.table is None


def patches(node: Node) -> int:
    """Return the size of an image's patches: the kernel's pixels times the number of positions."""
    assert isinstance(node.op, Conv)
    return node.output.height * node.output.width * node.op.window.area


def _apply(graph: Graph, forms: Forms) -> Forms:
    if graph.train.precision != "fp32":  # under autocast, gradients are left to PyTorch
        return forms
    patched = frozenset(node.name for node in graph.nodes.values() if node.inputs and pays(node, graph.shapes(node)[0]))
    return replace(forms, patched=patched - set(forms.unshuffled))


def _enough(graph: Graph, forms: Forms, images: int) -> Forms:
    return replace(
        forms, patched=frozenset(name for name in forms.patched if images * patches(graph.nodes[name]) >= MIN_ELEMENTS)
    )


PASS = Pass(
    "im2col",
    "the gradient of the weight of a convolution over one channel is a product with the image's patches",
    "the same products, summed in another order",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a gradient takes 0.3 to 0.5 times as long as PyTorch's",
        "cuda": "off: not measured there",
    },
    _apply,
    _enough,
    runs_on=("cpu",),
)
