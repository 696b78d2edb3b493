"""The content of a parameter file, as keys of a spec, with the values that are assumed without a parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.rates import Rates

SCALE, POWER = 0.0001, 0.75
"""The parameters that are assumed for a normalisation without any: those of nearly all files of 2012."""


@dataclass(frozen=True, slots=True)
class Norm:
    """The parameters of a normalisation. ``scale`` is divided by the window size."""

    scale: float = SCALE
    power: float = POWER
    k: float = 1.0


@dataclass(frozen=True, slots=True)
class Drop:
    """The parameters of a dropout layer. ``keep`` is the probability of keeping a value."""

    keep: float = 0.5
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one layer, with the values that it has without any.

    ``rates`` are those of a layer with weights, ``norm`` and ``drop`` those of a normalisation and of dropout.
    ``coeff`` is the coefficient of a cost, ``class_weight`` the weight of the image's class in it, and ``set_size`` the
    number of classes in a set of ``cost.msm``. ``factors`` are those of a weighted sum. ``takes_max``: a random pooling
    takes the maximum. ``dropout`` is the rate of a layer that drops some of its own values.
    """

    rates: Rates | None = None
    norm: Norm | None = None
    drop: Drop | None = None
    coeff: float = 1.0
    class_weight: float = 1.0
    set_size: int | None = None
    factors: tuple[float, ...] | None = None
    takes_max: bool = False
    dropout: float = 0.0


_NONE = Parameters()


@dataclass(frozen=True, slots=True)
class Learning:
    """How the layers learn, by layer name, and their parameters.

    ``weights`` and ``biases`` are the spec's learning keys, for weights with a value per input. ``train`` and
    ``augment`` are keys of these lines, and ``usual`` the learning keys of layers without their own. ``updates`` are
    the parts of a batch after which a layer is updated, if that is not once per batch.
    """

    parameters: Mapping[str, Parameters] = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    biases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    train: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)
    updates: Mapping[str, int] = field(default_factory=dict)

    def of(self, layer: Layer) -> Parameters:
        """Return the parameters of a layer."""
        return self.parameters.get(layer.name, _NONE)
