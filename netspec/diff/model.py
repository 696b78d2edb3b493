"""The differences between two networks, as data. ``a`` always belongs to the first network, ``b`` to the second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netspec.ir.settings import Aspect
from netspec.ir.shape import Shape

Effect = Literal["function", "output", "training", "testing", "placement", "nothing"]
"""What a difference changes, the gravest first.

- ``function``: the same weights give other class scores, or do not fit.
- ``output``: the class scores are the same, but not what is computed from them.
- ``training``: only training.
- ``testing``: only how the network is tested.
- ``placement``: only what is on which GPU.
- ``nothing``: only names, or something that provably computes the same.
"""
EFFECTS: tuple[Effect, ...] = ("function", "output", "training", "testing", "placement", "nothing")

Kind = Literal["added", "removed", "renamed", "replaced", "moved", "changed"]


def gravest(*effects: Effect) -> Effect:
    """Return the effect that comes first in ``EFFECTS``; without any, ``nothing``."""
    return min(effects, key=EFFECTS.index, default="nothing")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of a layer or a setting, with values as in a spec.

    ``key`` is set for ``changed`` only. The values of a ``moved`` layer are the layers above it. A layer that was
    ``added`` or ``removed`` is described on its own side, and the other side is empty.
    """

    kind: Kind
    key: str
    a: str
    b: str
    effect: Effect
    note: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a layer or a whole network: parameters, and multiply-accumulates and float32 bytes for one image.

    For a whole network, ``units`` and ``connections`` count the layers with weights, ``activation_bytes`` all layers.
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
    """A layer in one of the networks."""

    name: str
    type: str
    output: Shape
    costs: Costs


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """A layer that differs, in itself or only in its shape or cost, which depend on other layers."""

    a: Side | None
    b: Side | None
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """The layer's name, or both names if they differ: ``c1 = conv1``."""
        return " = ".join(dict.fromkeys(side.name for side in (self.a, self.b) if side))

    @property
    def costs_differ(self) -> bool:
        """Whether the shape, a count or the memory differs."""
        return self.a is None or self.b is None or (self.a.output, self.a.costs) != (self.b.output, self.b.costs)


@dataclass(frozen=True, slots=True)
class Order:
    """A neuron that belongs to different layers: ``conv1, relu, norm1`` in one network, ``conv1, norm1, relu`` in the
    other. The differences of the two layers in ``neuron`` are also among those of the layers.

    ``layers`` are the two layers involved, each with its names in the first and second network.
    """

    layers: tuple[tuple[str, str], tuple[str, str]]
    a: tuple[str, ...]
    b: tuple[str, ...]
    effect: Effect
    note: str = ""


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A difference in a key of ``gpus``, ``train``, ``augment`` or ``test``; of ``net``, in the layers that give the
    class scores or the output."""

    setting: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class NetDifference:
    """All differences between two networks. Layers are in the order of the second, removed ones where they were.

    ``function`` says whether the same weights give the same results: ``same``, ``scores`` (the class scores are the
    same, the output is not) or ``other``. ``misfits`` are the layers, by their names in both networks, whose weights
    differ in shape or connection table. ``not_compared`` are aspects that one of the files cannot state (``ASPECTS``).
    """

    names: tuple[str, str]
    layers: tuple[LayerDifference, ...]
    orders: tuple[Order, ...]
    settings: tuple[SettingDifference, ...]
    function: Literal["same", "scores", "other"]
    misfits: tuple[tuple[str | None, str | None], ...]
    totals: tuple[Costs, Costs]
    not_compared: tuple[Aspect, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs. The networks' names and their claims are not compared."""
        return not self.layers and not self.settings

    def each(self) -> Iterator[Difference]:
        """Yield every difference of the layers and the settings."""
        for layer in self.layers:
            yield from layer.differences
        for setting in self.settings:
            yield setting.difference
