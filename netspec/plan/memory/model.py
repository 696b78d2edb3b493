"""What a device holds in memory, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """Bytes that a device holds through all steps: ``weights`` in float32, ``momentum`` (a velocity for each weight,
    with a ``super_eps`` two running means as well), the moving ``average`` of the weights where the file wants one,
    running statistics, and the ``narrowed`` copies of weights that recorded looks at images read. ``gradients`` come
    and go."""

    weights: int
    gradients: int
    momentum: int
    average: int
    statistics: int
    narrowed: int = 0

    @property
    def always(self) -> int:
        """What is there at every moment."""
        return self.weights + self.momentum + self.average + self.statistics + self.narrowed


@dataclass(frozen=True, slots=True)
class Moment:
    """What is held at one moment of a step, in bytes; ``when`` is the moment in words."""

    when: str
    standing: int
    gradients: int
    kept: int
    passing: int

    @property
    def total(self) -> int:
        return self.standing + self.gradients + self.kept + self.passing


@dataclass(frozen=True, slots=True)
class Memory:
    """A device's memory: ``images`` that go through the network at a time, those of the batch that are ``waiting``
    meanwhile, the ``copy`` of the whole batch that a recorded step reads, what is ``kept`` by autograd beside them (by
    layer, their sum at the end of the forward pass), ``casts`` of the weights to bfloat16, and the ``peak``."""

    standing: Standing
    images: int
    waiting: int
    copy: int
    kept: dict[str, int]
    casts: int
    peak: Moment

    @property
    def activations(self) -> int:
        """The images that go through at a time, and what autograd keeps for the backward pass."""
        return self.images + sum(self.kept.values())
