"""Data types: what a device holds in memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """The bytes that a device holds through all steps.

    Attributes
    ----------
    weights:
        The parameters, in float32.
    gradients:
        The parameters' gradients; unlike the rest they are not in memory all the time.
    optimiser:
        The optimiser's state, in numbers for each weight: what ``passes.optimiser_state`` says of the update rule.
    roots:
        What the update computes for the largest parameter that it divides by a root of its squared gradients: one
        parameter after the other, or smaller ones together. Unlike the rest, it is in memory only then.
    average:
        The moving average of weights and statistics, if the train line asks for one (``ema``).
    statistics:
        The running statistics of batch normalisations.
    narrowed:
        The bfloat16 copies of weights that recorded evaluation reads.
    """

    weights: int
    gradients: int
    optimiser: int
    average: int
    statistics: int
    roots: int = 0
    narrowed: int = 0

    @property
    def always(self) -> int:
        """The bytes in use at every moment: all but the gradients and the roots."""
        return self.weights + self.optimiser + self.average + self.statistics + self.narrowed


@dataclass(frozen=True, slots=True)
class Moment:
    """The bytes in use at one moment of a step; ``when`` describes the moment in words.

    ``standing`` is permanent, ``gradients`` are those of the parameters, ``kept`` is held by autograd; ``temporary`` is
    all the rest.
    """

    when: str
    standing: int
    gradients: int
    kept: int
    temporary: int

    @property
    def total(self) -> int:
        return self.standing + self.gradients + self.kept + self.temporary


@dataclass(frozen=True, slots=True)
class Memory:
    """A device's memory in a training step. All but ``peak`` are in bytes.

    Attributes
    ----------
    images:
        The images that pass through the network at a time.
    waiting:
        The other images of the batch, meanwhile.
    copy:
        The copy of the whole batch that a recorded step (CUDA graph) reads.
    kept:
        What autograd keeps at the end of the forward pass besides the images, by layer.
    casts:
        The copies of weights in bfloat16.
    peak:
        The moment at which the most memory is in use.
    """

    standing: Standing
    images: int
    waiting: int
    copy: int
    kept: dict[str, int]
    casts: int
    peak: Moment

    @property
    def activations(self) -> int:
        """The images that pass through at a time, and what autograd keeps for the backward pass."""
        return self.images + sum(self.kept.values())
