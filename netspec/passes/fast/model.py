"""What an optimising pass is, and what passes leave behind: the forms in which operations are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Lrn, MaxPool
from netspec.ir.settings import Precision

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Where:
    """What a network is trained on, and in which precision."""

    device: Device
    precision: Precision


@dataclass(frozen=True, slots=True)
class Unshuffle:
    """A strided convolution as one of stride 1 over more channels (see ``space_to_depth``).

    Blocks of ``stride`` pixels (rows, columns) become channels; ``top`` and ``left`` rows and columns of zeros stand
    before the image, which is cut or padded to ``size`` pixels; the kernel is padded to ``kernel``.
    """

    stride: tuple[int, int]
    top: int
    left: int
    size: tuple[int, int]
    kernel: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chain:
    """A ReLU (or none), a local response normalisation and a maximum pooling (or none) as one operation.

    ``absorbed`` are the names of the nodes that it stands for, the normalisation's left out; ``biased`` is that of the
    convolution before it whose bias it adds, which hands on what it makes without one.
    """

    lrn: Lrn
    relu: bool
    pool: MaxPool | None
    absorbed: tuple[str, ...]
    biased: str | None = None


@dataclass(frozen=True, slots=True)
class Forms:
    """How operations are computed where that is not one by one as the graph has them; ``passes`` says by whose word.

    ``unshuffled`` and ``chains`` are by the names of convolutions and of normalisations. ``images`` says how whoever
    prepares the network's images may hand them over as blocks, because all that reads them reads those. ``grouped`` are
    the convolutions whose groups may be computed otherwise than by a grouped convolution, whichever is fastest.
    ``rectified`` are the convolutions and biases that take in the ReLU behind them, with the names of these.
    ``pools`` are the maximum poolings that read a copy of their maps with channels side by side, ``sums`` the average
    and sum poolings that add up rows, then columns. ``patched`` are the convolutions whose weight's gradient is a
    product with patches. ``dropped`` are the dropouts that are one operation.
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
        """Whether another operation computes this one as well."""
        in_chain = any(node.name in chain.absorbed for chain in self.chains.values())
        return in_chain or node.name in self.rectified.values()

    def is_unbiased(self, node: Node) -> bool:
        """Whether a chain adds this convolution's bias."""
        return any(node.name == chain.biased for chain in self.chains.values())


PLAIN = Forms()
"""Every operation as the graph has it."""


@dataclass(frozen=True, slots=True)
class Pass:
    """An optimising pass.

    ``does`` and ``exact`` are each a line: what it does, and how its numbers compare with those of the plain network.
    ``pays`` says where it is on unless it is switched off, ``why`` what that rests on. ``apply`` adds to the forms;
    it returns them as they are where the graph has nothing for the pass to do. ``enough`` leaves out of what it added
    that for which so many images at a time are too few. On devices other than ``runs_on`` what it adds has no effect.
    """

    name: str
    does: str
    exact: str
    pays: Callable[[Where], bool]
    why: Mapping[Device, str]
    apply: Callable[[Graph, Forms], Forms]
    enough: Callable[[Graph, Forms, int], Forms] = lambda _graph, forms, _images: forms
    runs_on: tuple[Device, ...] = ("cpu", "cuda")
