"""An analytical estimate of how long a training step takes on several devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.placing import SPLITS, ArrangementError, Placed, SplitWord
from netspec.plan.model import Plan, plan
from netspec.plan.program import images_on, local_graphs, trained

MODEL = (
    "computing: 3 times the FLOPs of the forward pass (one forward and two backward) of the device with the most, at "
    "its stated rate",
    "values: the forward and backward transfers one after the other, at the speed of the busiest device's link in both "
    "directions at once, without overlap with computing",
    "gradients: a layer's all-reduce starts when its backward pass is finished and overlaps with the backward passes "
    "of the layers above it; only the rest at the end counts",
    "latencies, loading images and updating weights are not counted; efficiency is one device's time divided by "
    "devices x time, at the same batch",
)
"""How times are worked out, printed along with them."""

TIMES = (1, 2, 4, 8, 16, 32)
"""The batches that are compared, as multiples of the given one."""

ALL_SPLITS: tuple[SplitWord, ...] = tuple(SPLITS)
"""Every word of ``--split``."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The speed of each device: at most ``flops`` floating-point operations and ``link`` bytes each way per second."""

    flops: float
    link: float


@dataclass(frozen=True, slots=True)
class Time:
    """The seconds of a step: ``computing``, exchanging ``values``, and the part of exchanging ``gradients`` that does
    not overlap with the backward pass."""

    computing: float
    values: float
    gradients: float

    @property
    def total(self) -> float:
        return self.computing + self.values + self.gradients


@dataclass(frozen=True, slots=True)
class Timed:
    """The time of a plan's step, and that of one device ``alone`` with the same batch."""

    plan: Plan
    time: Time
    alone: Time

    @property
    def efficiency(self) -> float:
        return self.alone.total / (self.plan.arrangement.devices * self.time.total)

    @property
    def images_per_second(self) -> float:
        return self.plan.batch / self.time.total


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A split that is impossible for a number of devices, and why."""

    devices: int
    split: SplitWord
    reason: str


def plan_splits(
    graph: Graph,
    devices: Iterable[int],
    splits: Iterable[SplitWord],
    batch: int,
    precision: Precision,
    forms: Forms = PLAIN,
) -> tuple[list[Plan], list[LeftOut]]:
    """Return the plans of all combinations of devices and splits, and the combinations that are impossible.

    For one device all splits are the same; only one is planned.
    """
    plans: list[Plan] = []
    left_out: list[LeftOut] = []
    for number in devices:
        for split in splits if number > 1 else ("batch",):
            try:
                plans.append(plan(graph, number, split, batch=batch, precision=precision, forms=forms))
            except ArrangementError as error:
                left_out.append(LeftOut(number, split, error.message))
    return plans, left_out


def timed(step: Plan, machine: Machine) -> Timed:
    """Estimate the time of a plan's step; the model is described in ``MODEL``."""
    alone = plan(step.graph, 1, "batch", batch=step.batch, precision=step.precision)
    return Timed(step, _time(step, machine), _time(alone, machine))


def fastest(
    graph: Graph, devices: int, splits: Iterable[SplitWord], batch: int, precision: Precision, machine: Machine
) -> Timed:
    """Return the fastest split of a batch over so many devices. One of ``splits`` at least must be possible."""
    plans, _ = plan_splits(graph, (devices,), splits, batch, precision)
    return min((timed(step, machine) for step in plans), key=lambda timed_plan: timed_plan.time.total)


def _time(step: Plan, machine: Machine) -> Time:
    seconds = _forward_seconds(step.placed, step.batch, machine)
    exchanged = sum(c.busiest for c in step.crossings if c.direction != "gradients") / machine.link
    gradients: dict[str, float] = {}
    for c in step.crossings:
        if c.direction == "gradients":
            gradients[c.layer] = gradients.get(c.layer, 0.0) + c.busiest / machine.link
    remaining = 0.0
    for layer in reversed([*seconds]):
        remaining = max(0.0, remaining - 2 * seconds[layer]) + gradients.get(layer, 0.0)
    return Time(3 * sum(seconds.values()), exchanged, remaining)


def _forward_seconds(placed: Placed, batch: int, machine: Machine) -> dict[str, float]:
    """The seconds of each layer's forward pass, in order, on the device that computes the most."""
    local = local_graphs(placed)
    # The first row has the most images.
    flops_by_column = [_flops(placed, local[column], column, batch) for column in local]
    busiest = max(flops_by_column, key=lambda flops: sum(flops.values()))
    return {layer: flops / machine.flops for layer, flops in busiest.items()}


def _flops(placed: Placed, local: Mapping[str, Graph], device: int, batch: int) -> dict[str, int]:
    flops: dict[str, int] = {}
    for layer in trained(placed.graph):
        graph = local.get(layer.name)
        images = images_on(placed, device, placed.layers[layer.name].sharding, batch)
        nodes = graph.nodes_of(layer) if graph else []
        flops[layer.name] = images * sum(node.op.flops(graph.shapes(node), node.output) for node in nodes if graph)
    return flops
