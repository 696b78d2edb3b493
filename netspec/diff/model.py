"""What two networks differ in, as data. ``a`` is always of the first network, ``b`` of the second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netspec.ir.shape import Shape

Effect = Literal["function", "output", "training", "testing", "placement", "nothing"]
"""What a difference changes, the gravest first.

``function``: the same weights give other class scores (or do not fit). ``output``: the class scores are the same, what
is made of them is not. ``training``: only what is learnt. ``testing``: only how a test is made. ``placement``: only
what lives on which GPU. ``nothing``: names, and what is proven to compute the same.
"""
EFFECTS: tuple[Effect, ...] = ("function", "output", "training", "testing", "placement", "nothing")

Kind = Literal["added", "removed", "renamed", "replaced", "moved", "changed"]


def gravest(*effects: Effect) -> Effect:
    """The first of these in the order of ``EFFECTS``; of none, ``nothing``."""
    return min(effects, key=EFFECTS.index, default="nothing")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of a layer or a setting, its values in the words of a spec.

    ``key`` is there for ``changed`` only. A layer that is ``moved`` has the layer that stands before it as its values;
    what is ``added`` or ``removed`` is described on its own side, and the other is empty.
    """

    kind: Kind
    key: str
    a: str
    b: str
    effect: Effect
    note: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a layer, or a whole network, costs: learnt numbers, multiply-accumulates and bytes in float32 of one image.

    ``units`` and ``connections`` of a whole network count the layers with weights, ``activation_bytes`` all layers.
    """

    units: int = 0
    weights: int = 0
    biases: int = 0
    connections: int = 0
    activation_bytes: int = 0

    @property
    def parameters(self) -> int:
        return self.weights + self.biases


@dataclass(frozen=True, slots=True)
class Side:
    """A layer as one of the networks has it."""

    name: str
    type: str
    output: Shape
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """A layer that differs: in what it is, or only in its shape or cost, which follow from other layers."""

    a: Side | None
    b: Side | None
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """The layer's name, both if they differ: ``c1 = conv1``."""
        return " = ".join(dict.fromkeys(side.name for side in (self.a, self.b) if side))

    @property
    def costs_differ(self) -> bool:
        """Whether the shape, a count or the memory is another one."""
        return self.a is None or self.b is None or (self.a.output, self.a.numbers) != (self.b.output, self.b.numbers)


@dataclass(frozen=True, slots=True)
class Order:
    """A neuron that stands at another layer: ``conv1, relu, norm1`` in one network and ``conv1, norm1, relu`` in the
    other. The two layers' own differences in ``neuron`` are among the layers' too.

    ``layers`` are the names, in the first network and in the second, of the two layers that have the neuron.
    """

    layers: tuple[tuple[str, str], tuple[str, str]]
    a: tuple[str, ...]
    b: tuple[str, ...]
    effect: Effect
    note: str = ""


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A key of ``gpus``, ``train``, ``augment`` or ``test``."""

    setting: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class NetDifference:
    """All that two networks differ in, layers in the order of the second network, the removed ones where they stood.

    ``function`` says whether the same weights give the same: ``same``, ``scores`` (the class scores are the same, the
    output is not) or ``other``. ``misfits`` are the layers, by their names in both, whose weights have not the same
    shapes and connection tables in both networks.
    """

    names: tuple[str, str]
    layers: tuple[LayerDifference, ...]
    orders: tuple[Order, ...]
    settings: tuple[SettingDifference, ...]
    function: Literal["same", "scores", "other"]
    misfits: tuple[tuple[str | None, str | None], ...]
    totals: tuple[Numbers, Numbers]

    @property
    def same(self) -> bool:
        """Whether nothing differs. (The nets' own names and their claims are not compared.)"""
        return not self.layers and not self.settings

    def each(self) -> Iterator[Difference]:
        """Every difference of the layers and the settings."""
        for layer in self.layers:
            yield from layer.differences
        for setting in self.settings:
            yield setting.difference
