"""Reasons why a network cannot be trained: values beyond float32, and batches too small for batch normalisation.

The trainer and the generated program use these checks to reject the same networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.ir.rules import Adam, decay_in_gradient
from netspec.ir.schedules import DiscreteExponential, Exponential, JumpingExponential, Linear, Schedule, noise_of
from netspec.ir.widths import MAX_FLOAT32
from netspec.passes.phases import phases


@dataclass(frozen=True, slots=True)
class Unfit:
    """A hyperparameter of a parameter that float32 cannot represent."""

    parameter: str
    quantity: str
    value: float

    def __str__(self) -> str:
        return f"the {self.quantity} of {self.parameter} is {self.value:g}, which is not a finite float32 number"


def unfit_rates(graph: Graph) -> list[Unfit]:
    """Return the learning rates, at their highest in the schedule, and products of decay and rate that are beyond
    float32. For Adam, rates are those of the first update. A decay that is a part of the gradient counts alone, unless
    the rule is linear in it."""
    numbers, rule = [], graph.train.rule
    correction = 1 - rule.beta1 if isinstance(rule, Adam) else 1.0
    for parameter in graph.parameters.values():
        highest = highest_factor(graph.schedule_of(parameter))
        numbers.append(Unfit(parameter.key, "learning rate", parameter.lr * highest / correction))
        if decay_in_gradient(rule):
            numbers.append(Unfit(parameter.key, "weight decay", parameter.decay))
        else:
            numbers.append(Unfit(parameter.key, "weight decay times rate", parameter.decay * parameter.lr * highest))
    return [number for number in numbers if not abs(number.value) <= MAX_FLOAT32]  # true for NaN, too


def highest_factor(schedule: Schedule) -> float:
    """Return the highest multiplier of learning rates in a schedule. The normal noise is computed from 53-bit numbers
    by the Box-Muller transform, so it is at most sqrt(-2 ln 2^-53) = 8.572 standard deviations."""
    highest = 1.0
    if isinstance(schedule, Exponential | Linear | DiscreteExponential | JumpingExponential):
        highest = max(1.0, schedule.factor)
    return highest * (1 + noise_of(schedule) * math.sqrt(2 * 53 * math.log(2)))


def layers_needing_two_images(graph: Graph) -> list[str]:
    """Return the layers with batch normalisation that have one number per channel and image. In training they need at
    least two images, since with a single one the number minus its mean is always 0."""
    nodes = (node for layer in phases(graph).trunk for node in graph.nodes_of(layer))
    normalised = ((node.layer, graph.shapes(node)[0]) for node in nodes if isinstance(node.op, BatchNorm))
    return [layer for layer, shape in normalised if shape.units == shape.channels]
