"""The content of a parameter file, as keys of a spec, with the values that are assumed without a parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class Learning:
    """How the layers learn, by layer name, and the parameters of layers without weights.

    ``weights`` and ``biases`` are the spec's learning keys, for weights with a value per input. ``norms`` and ``drops``
    are the parameters of normalisations and dropout, ``costs`` the coefficients of costs, and ``sums`` the factors of
    weighted sums. ``class_weights`` is the weight of the image's class in a cost, and ``set_sizes`` the number of
    classes in a set of ``cost.msm``. ``max_poolings`` are the random poolings that take the maximum.
    ``train`` and ``augment`` are keys of these lines, and ``usual`` the learning keys of layers without their own.
    ``updates`` are the parts of a batch after which a layer is updated, if that is not once per batch. ``dropouts`` are
    the rates of layers that drop some of their own values.
    """

    weights: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    biases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    norms: Mapping[str, Norm] = field(default_factory=dict)
    drops: Mapping[str, Drop] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    class_weights: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    max_poolings: frozenset[str] = frozenset()
    train: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)
    set_sizes: Mapping[str, int] = field(default_factory=dict)
    updates: Mapping[str, int] = field(default_factory=dict)
    dropouts: Mapping[str, float] = field(default_factory=dict)
