"""The data model of optimising passes, and of their result: the forms in which operations are computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Conv, Deconv, Linear, Lrn, MaxPool
from netspec.ir.settings import Precision

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class ComputeTarget:
    """The kind of device that a network is trained on, and the precision."""

    device: Device
    precision: Precision


@dataclass(frozen=True, slots=True)
class Unshuffle:
    """A strided convolution as a convolution of stride 1 over more channels (see ``space_to_depth``).

    Blocks of ``stride`` pixels (rows, columns) become channels. Before that, ``top`` rows and ``left`` columns of zeros
    are added to the image, which is then cropped or padded to ``size`` pixels. The kernel is padded to ``kernel``.
    """

    stride: tuple[int, int]
    top: int
    left: int
    size: tuple[int, int]
    kernel: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chain:
    """A local response normalisation as one operation with an optional ReLU before and maximum pooling after it.

    ``absorbed`` are the names of the nodes that it replaces, without the normalisation. ``biased`` is the name of the
    preceding convolution if the chain adds its bias; the convolution itself then omits the bias.
    """

    lrn: Lrn
    relu: bool
    pool: MaxPool | None
    absorbed: tuple[str, ...]
    biased: str | None = None


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of operations that are not computed one by one as in the graph. ``passes`` are the passes that chose
    them.

    ``unshuffled`` is by the names of convolutions, ``chains`` by those of normalisations. ``images`` is the form in
    which the network's images can be prepared as blocks, if all their readers read these blocks. ``patched`` are the
    convolutions whose weight gradient is a product with patches. ``rectified`` maps convolutions and biases to the
    following ReLUs, which they include. ``grouped`` are the convolutions whose groups are computed in the form that
    turns out to be fastest. ``pools`` are the maximum poolings that read a channels-last copy of their maps, ``sums``
    the average and sum poolings that add up rows, then columns, and ``dropped`` the dropouts computed as one operation.
    """

    passes: tuple[str, ...] = ()
    unshuffled: Mapping[str, Unshuffle] = field(default_factory=dict)
    images: Unshuffle | None = None
    patched: frozenset[str] = frozenset()
    rectified: Mapping[str, str] = field(default_factory=dict)
    chains: Mapping[str, Chain] = field(default_factory=dict)
    grouped: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    sums: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    channels_last: bool = False
    fused_update: bool = False
    kept_memory: bool = False
    benchmarked: bool = False
    recorded: bool = False

    def is_absorbed(self, node: Node) -> bool:
        """Whether another operation includes this one."""
        in_chain = any(node.name in chain.absorbed for chain in self.chains.values())
        return in_chain or node.name in self.rectified.values()

    def is_unbiased(self, node: Node) -> bool:
        """Whether a chain adds this convolution's bias."""
        return any(node.name == chain.biased for chain in self.chains.values())

    def narrowed(self, graph: Graph) -> frozenset[str]:
        """Return the keys of the parameters that autocast converts to bfloat16 wherever the network reads them, so that
        they can be converted in advance: weights of convolutions and linear layers, and their biases, unless a separate
        kernel adds these."""
        conversions = defaultdict[str, set[bool]](set)
        for node in graph.nodes.values():
            for place, key in enumerate(node.params):
                separate_bias = place > 0 and (node.name in self.rectified or self.is_unbiased(node))
                conversions[key].add(isinstance(node.op, Conv | Deconv | Linear) and not separate_bias)
        return frozenset(key for key, converted in conversions.items() if converted == {True})


PLAIN = Forms()
"""All operations as in the graph."""


@dataclass(frozen=True, slots=True)
class Pass:
    """An optimising pass.

    ``does`` and ``exact`` are one-line descriptions: what the pass does, and how its results compare with those of the
    plain network. ``pays`` says where the pass is on by default, ``why`` on what evidence. ``apply`` adds to the forms
    what the graph has for the pass. ``enough`` then removes those additions that do not
    pay off with so few images at a time. The pass has no effect on devices other than ``runs_on``.
    """

    name: str
    does: str
    exact: str
    pays: Callable[[ComputeTarget], bool]
    why: Mapping[Device, str]
    apply: Callable[[Graph, Forms], Forms]
    enough: Callable[[Graph, Forms, int], Forms] = lambda _graph, forms, _images: forms
    runs_on: tuple[Device, ...] = ("cpu", "cuda")


def sole_readers(graph: Graph) -> dict[str, Node]:
    """Return the operation that reads a value, for each value that nothing else reads: it may overwrite it, or compute
    it as a part of itself. The class scores and the output are not among these values."""
    kept = {graph.scores.name, graph.output.name}
    return {name: nodes[0] for name, nodes in graph.readers().items() if len(nodes) == 1 and name not in kept}
