"""What a parameter file adds to the layers, in the words of a spec; and what stands in for it where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SCALE, POWER = 0.0001, 0.75
"""Of a normalisation without parameters: those of nearly all files of 2012."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalisation's numbers; ``scale`` is divided by the window."""

    scale: float = SCALE
    power: float = POWER
    k: float = 1.0


@dataclass(frozen=True, slots=True)
class Drop:
    """A dropout's numbers."""

    keep: float = 0.5
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Learning:
    """By layer, in the words of a spec: the learning keys of its weights (one value an input) and of its biases; and
    the numbers of normalisations, dropout, costs (``positive``: the weight of the image's class; ``sets``: the classes
    in a set), and weighted sums. ``largest`` are the random poolings that take the maximum after all. ``train`` and
    ``augment`` are the keys of these lines; ``usual`` the learning keys that hold where a layer has none;
    ``updates`` after how many parts of a batch a layer is updated, where that is not once a batch."""

    weights: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    biases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    norms: Mapping[str, Norm] = field(default_factory=dict)
    drops: Mapping[str, Drop] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    positive: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    largest: frozenset[str] = frozenset()
    train: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, int] = field(default_factory=dict)
    updates: Mapping[str, int] = field(default_factory=dict)
