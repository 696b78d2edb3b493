"""What keeps a network from taking a step of training: class scores that are maps, numbers beyond float32, batches too
small to normalise over.

The trainer and the generated program refuse the same networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm
from netspec.ir.settings import DiscreteExponential, Exponential, JumpingExponential, Linear, Schedule, noise_of
from netspec.passes.phases import phases

LARGEST = 3.4028234663852886e38
"""The largest float32."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A number of a parameter's learning that float32 does not hold."""

    parameter: str
    what: str
    value: float

    def __str__(self) -> str:
        return f"the {self.what} of {self.parameter} is {self.value:g}: that is no float32 number"


def unfit_scores(graph: Graph) -> str | None:
    """What is wrong with class scores that are more than one number a class, if they are."""
    scores = graph.scores.output
    if scores.units == scores.channels:
        return None
    return f"the class scores are an image of {scores}: training needs one score per class"


def unfit_rates(graph: Graph) -> list[Unfit]:
    """The learning rates, at the highest that the schedule makes them, and decays times rates beyond float32."""
    numbers = [
        Unfit(parameter.key, what, value)
        for parameter in graph.parameters.values()
        for highest in [highest_factor(graph.schedule_of(parameter))]
        for what, value in (
            ("learning rate", parameter.lr * highest),
            ("weight decay times rate", parameter.decay * parameter.lr * highest),
        )
    ]
    return [number for number in numbers if not abs(number.value) <= LARGEST]  # also where it is no number


def highest_factor(schedule: Schedule) -> float:
    """The most that a schedule multiplies learning rates by. Noise is drawn from numbers of 53 bits, of which the
    furthest from 0 in N(0, 1) is sqrt(-2 ln 2^-53) = 8.572 (Box and Muller)."""
    highest = 1.0
    if isinstance(schedule, Exponential | Linear | DiscreteExponential | JumpingExponential):
        highest = max(1.0, schedule.factor)
    return highest * (1 + noise_of(schedule) * math.sqrt(2 * 53 * math.log(2)))


def need_two_images(graph: Graph) -> list[str]:
    """The layers that normalise over the batch in training where an image has one number per channel: of one image
    alone such a number minus its mean is 0."""
    nodes = (graph.nodes[name] for layer in phases(graph).trunk for name in layer.nodes)
    found = ((node.layer, graph.shapes(node)[0]) for node in nodes if isinstance(node.op, BatchNorm))
    return [layer for layer, shape in found if shape.units == shape.channels]
