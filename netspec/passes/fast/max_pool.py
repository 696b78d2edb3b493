"""Maximum pooling of a channels-last copy of the maps.

On the CPU, PyTorch's pooling of channels-first maps compares pixel by pixel, whereas with channels last it compares as
many channels at a time as fit into a vector register. The copy costs less than this saves.

If no gradient is needed, the positions of the maxima are not needed either. There is then no copy: rows are compared as
vectors, then the columns of the result.

A maximum rounds nothing, and the largest pixel of a window is the largest of its rows' largest. Where several are
equal, PyTorch takes the first one in either format, so that the same pixel gets the gradient.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import MaxPool
from netspec.passes.fast.model import Forms, Pass

MIN_CHANNELS = 16
"""The minimum number of channels: the float32 numbers in the widest vector register (AVX-512). Fewer would be compared
one by one in either format."""


def pays(node: Node) -> bool:
    """Whether the form pays off for a node: a maximum pooling with enough channels and windows of more than one
    pixel."""
    return isinstance(node.op, MaxPool) and node.output.channels >= MIN_CHANNELS and node.op.window.area > 1


def _apply(graph: Graph, forms: Forms) -> Forms:
    if forms.channels_last or graph.train.channels_last:
        return forms
    pools = frozenset(node.name for node in graph.nodes.values() if pays(node) and not forms.is_absorbed(node))
    return replace(forms, pools=pools)


PASS = Pass(
    "max-pool",
    "a maximum pooling reads a copy of its maps with channels side by side; outside training their rows, then columns",
    "the same bits; outside training a zero may have the other sign",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a pooling takes 0.3 to 0.6 times as long as PyTorch's, forward and backward",
        "cuda": "off: channels lie side by side already in bf16; not measured in fp32",
    },
    _apply,
    runs_on=("cpu",),
)
