"""The plan: each device's share of a training step, and the exchanges between the devices."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from netspec.ir.graph import Graph, Parameter
from netspec.ir.ops import BatchNorm
from netspec.ir.settings import Precision
from netspec.ir.widths import FULL, HALF, width_of
from netspec.passes.fast import PLAIN, ComputeTarget, Forms, enabled_passes, forms_of
from netspec.passes.optimiser_state import divides, state_kinds
from netspec.passes.placing import Arrangement, Placed, SplitWord, arrange, place_on_devices, share_batch
from netspec.plan.crossing import Crossing, crossings
from netspec.plan.memory import Memory, Standing, memory
from netspec.plan.program import LocalGraphs, images_on, local_graphs, program, trained, values_of

MAX_DEVICES = 4096
MAX_BATCH = 2**31
"""The largest plans that are worked out."""


class Kind(NamedTuple):
    """What a device's memory depends on: its column, its images of the batch, and how many it computes at a time."""

    column: int
    images: int
    at_once: int


@dataclass(frozen=True, slots=True)
class LayerShare:
    """A device's share of a layer: its number of parameters, and the bytes that autograd keeps."""

    name: str
    parameters: int
    kept: int


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device's share of a step: its ``images`` of the batch, and the bytes it has ``sent`` and ``received``."""

    device: int
    images: int
    layers: tuple[LayerShare, ...]
    memory: Memory
    sent: int
    received: int

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def group_key(self) -> tuple[object, ...]:
        """The key for grouping devices that can be shown together; equal for devices whose plans look the same."""
        return self.images, self.layers, self.memory.peak, self.sent, self.received


@dataclass(frozen=True, slots=True)
class Plan:
    """A training step of a network on several devices.

    ``batch`` is the size of the whole batch, ``at_once`` how many of its images pass through the network at a time.
    ``warnings`` are for the user.
    """

    placed: Placed
    batch: int
    at_once: int
    precision: Precision
    devices: tuple[DevicePlan, ...]
    crossings: tuple[Crossing, ...]
    warnings: tuple[str, ...]

    @property
    def arrangement(self) -> Arrangement:
        return self.placed.arrangement

    @property
    def graph(self) -> Graph:
        return self.placed.graph

    @property
    def crossed(self) -> int:
        """The bytes sent or received, whichever is more, by the device with the most traffic."""
        return max(max(device.sent, device.received) for device in self.devices)

    @property
    def peak(self) -> int:
        """The peak memory, in bytes, of the device that needs the most."""
        return max(device.memory.peak.total for device in self.devices)


def plan(
    graph: Graph,
    devices: int,
    split: SplitWord | None = None,
    *,
    batch: int | None = None,
    precision: Precision | None = None,
    forms: Forms = PLAIN,
) -> Plan:
    """Plan a training step. Batch and precision default to those of the train line.

    Memory is counted operation by operation, in their plain forms. Of the optimised ``forms`` only the extra memory of
    a recorded step (CUDA graphs, on a single device) is counted.

    Raises
    ------
    ArrangementError
        The devices cannot share the network or the batch.
    """
    placed, batch = place_on_devices(graph, arrange(graph, devices, split)), batch or graph.train.batch
    precision, arrangement = precision or graph.train.precision, placed.arrangement
    warnings = share_batch(arrangement, batch, graph.train.accumulate)
    memories = memories_of(placed, local_graphs(placed), batch, precision, forms)
    crossed = crossings(placed, batch, values_of(graph, width_of(precision)))
    sent = [sum(c.sent[d] for c in crossed) for d in range(arrangement.devices)]
    received = [sum(c.received[d] for c in crossed) for d in range(arrangement.devices)]
    kinds = [_kind(placed, d, batch) for d in range(arrangement.devices)]
    layers = {kind: _layer_shares(placed, kinds.index(kind), memories[kind]) for kind in dict.fromkeys(kinds)}
    image = placed.layers[graph.input.layer].sharding
    shares = tuple(
        DevicePlan(d, images_on(placed, d, image, batch), layers[kind], memories[kind], sent[d], received[d])
        for d, kind in enumerate(kinds)
    )
    return Plan(placed, batch, graph.train.images_at_once(batch), precision, shares, crossed, warnings)


def forms_on_a_gpu(graph: Graph, precision: Precision, without: Collection[str] = ()) -> Forms:
    """The forms that ``netspec train`` uses on one GPU, with the passes in ``without`` switched off."""
    return forms_of(graph, enabled_passes(ComputeTarget("cuda", precision), without))


def memories_of(
    placed: Placed, local: LocalGraphs, batch: int, precision: Precision, forms: Forms = PLAIN
) -> dict[Kind, Memory]:
    """Return the memory of each kind of device; ``batch`` is the whole batch's number of images."""
    product_width = width_of(precision)
    values = values_of(placed.graph, product_width)
    accumulated = _accumulated(placed.graph)
    image, at_once = placed.graph.input.output.units * FULL, placed.graph.train.images_at_once(batch)
    recorded = forms.recorded and placed.arrangement.devices == 1
    memories: dict[Kind, Memory] = {}
    for device in range(placed.arrangement.devices):
        kind = _kind(placed, device, batch)
        if kind not in memories:
            steps = program(placed, local[kind.column], device, at_once, product_width, values)
            memories[kind] = memory(
                _standing(
                    placed, device, _narrowed_bytes(placed.graph, forms) if recorded and product_width == HALF else 0
                ),
                steps,
                product_width,
                accumulated=accumulated,
                waiting=kind.images * image - steps.images,
                copy=kind.images * image if recorded else 0,
            )
    return memories


def _accumulated(graph: Graph) -> frozenset[str]:
    """The keys of parameters that already have a gradient, from earlier parts of the batch, when a part begins."""
    if graph.train.accumulate == 1:
        return frozenset()
    return frozenset(key for key, p in graph.parameters.items() if p.update_every != 1)


def _kind(placed: Placed, device: int, batch: int) -> Kind:
    sharding = placed.layers[placed.graph.input.layer].sharding
    at_once = placed.graph.train.images_at_once(batch)
    images_here = (images_on(placed, device, sharding, images) for images in (batch, at_once))
    return Kind(placed.arrangement.column(device), *images_here)


def smallest_batch(placed: Placed) -> int:
    """The smallest batch that the devices can share."""
    return placed.arrangement.smallest_batch(placed.graph.train.accumulate)


def _narrowed_bytes(graph: Graph, forms: Forms) -> int:
    """The bytes of the bfloat16 copies of weights that recorded evaluation reads."""
    return HALF * sum(math.prod(graph.parameters[key].shape) for key in forms.narrowed(graph))


def _standing(placed: Placed, device: int, narrowed: int) -> Standing:
    """The memory that a device holds permanently; ``narrowed`` as in ``Standing``."""
    weights = FULL * sum(_parameters(placed, device).values())
    statistics = 0
    for node in placed.graph.nodes.values():
        if isinstance(node.op, BatchNorm) and placed.on(device, node.layer):
            # Running mean and variance, and a count of the batches in int64.
            channels = node.output.channels // placed.layers[node.layer].sharding.channels
            statistics += 2 * channels * FULL + 8
    average = weights + statistics if placed.graph.train.ema else 0
    rule, own = placed.graph.train.rule, _own(placed, device)
    optimiser = FULL * sum(size * len(state_kinds(rule, parameter)) for parameter, size in own)
    roots = FULL * max((size for parameter, size in own if divides(rule, parameter)), default=0)
    return Standing(weights, weights, optimiser, average, statistics, roots, narrowed)


def _parameters(placed: Placed, device: int) -> dict[str, int]:
    """Count the parameters on a device, by layer."""
    numbers: dict[str, int] = {}
    for parameter, size in _own(placed, device):
        numbers[parameter.layer] = numbers.get(parameter.layer, 0) + size
    return numbers


def _own(placed: Placed, device: int) -> list[tuple[Parameter, int]]:
    """Return the parameters on a device, each with the size of the device's share."""
    return [
        (parameter, math.prod(parameter.shape) // placed.sharding_of(parameter).channels)
        for parameter in placed.graph.parameters.values()
        if placed.on(device, parameter.layer)
    ]


def _layer_shares(placed: Placed, device: int, device_memory: Memory) -> tuple[LayerShare, ...]:
    """The device's share of each layer that it computes in training or has parameters of."""
    parameters = _parameters(placed, device)
    computed = {layer.name for layer in trained(placed.graph) if placed.on(device, layer.name)}
    image = placed.graph.input.layer
    names = [name for name in placed.graph.layers if name in computed or parameters.get(name) or name == image]
    kept = {**device_memory.kept, image: device_memory.images}
    # The implicit cross-entropy of a spec without a loss is not a layer of the graph, but autograd keeps values for it.
    names += [name for name in kept if name not in placed.graph.layers]
    return tuple(LayerShare(name, parameters.get(name, 0), kept.get(name, 0)) for name in names)
