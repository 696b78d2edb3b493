"""The bytes that cross between devices in a training step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from netspec.ir.ops import BatchNorm
from netspec.ir.widths import FULL
from netspec.passes.phases import phases
from netspec.passes.placing import Placed, Sharding, Transfer
from netspec.plan.program import Values, images_on

RULE = (
    "bytes: what a device sends and receives in a direct exchange, in which each device sends every other what it "
    "needs, once; an all-reduce over n devices is a ring, in which each sends and receives 2 (n - 1) / n of the data"
)
"""How bytes are counted, printed wherever they are shown."""

Direction = Literal["forward", "backward", "gradients"]
Kind = Literal[
    "all-gather", "reduce-scatter", "all-to-all", "all-reduce", "gather", "scatter", "broadcast", "reduce", "send"
]

BACKWARD: Mapping[Kind, Kind] = {"gather": "scatter", "scatter": "gather", "all-to-all": "all-to-all", "send": "send"}
"""The backward exchange for each forward exchange, where it does not depend on what the readers compute."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One exchange of a training step: the value, gradient or statistics of ``layer`` are sent because of ``reader``.

    ``size`` is the bytes of the whole tensor over all images; ``sent`` and ``received`` are the bytes by device.
    """

    layer: str
    reader: str
    direction: Direction
    kind: Kind
    size: int
    sent: tuple[int, ...]
    received: tuple[int, ...]

    @property
    def busiest(self) -> int:
        """The bytes of the device that sends or receives the most."""
        return max(*self.sent, *self.received)


def crossings(placed: Placed, batch: int, values: Values) -> tuple[Crossing, ...]:
    """Return all exchanges of a step: values forward, their gradients backward, then gradients of parameters."""
    result: list[Crossing] = []
    seen: set[tuple[str, Sharding, Sharding, bool]] = set()
    for transfer in placed.transfers:
        key = (transfer.value, transfer.source, transfer.target, transfer.partial)
        if key not in seen:  # readers that need a value in the same form share one transfer
            seen.add(key)
            requires_grad = transfer.value in values.learning
            result += _transfer_crossings(placed, transfer, batch, values.width[transfer.value], requires_grad)
    result += _statistics_crossings(placed)
    forward = [c for c in result if c.direction == "forward"]
    backward = [c for c in result if c.direction == "backward"]
    return (*forward, *reversed(backward), *_gradient_crossings(placed))


def ring(size: int, devices: int) -> int:
    """The bytes that each of n devices sends, and receives, in a ring all-reduce: 2 (n - 1) / n of the tensor.

    Patarasuk & Yuan: Bandwidth optimal all-reduce algorithms for clusters of workstations (2009).
    """
    return 2 * (devices - 1) * size // devices


def _transfer_crossings(
    placed: Placed, transfer: Transfer, batch: int, width: int, requires_grad: bool
) -> list[Crossing]:
    kind = _forward_kind(transfer)
    units = placed.graph.layers[transfer.value].output.units * width
    size = batch * units
    result: list[Crossing] = []
    if kind is not None:
        sent, received = _amounts(placed, transfer, kind, batch, units)
        result.append(Crossing(transfer.value, transfer.reader, "forward", kind, size, sent, received))
    backward = _backward_kind(transfer, kind)
    if backward is not None and requires_grad:
        if kind is None:
            sent, received = _amounts(placed, transfer, backward, batch, units)
        else:  # the backward exchange reverses the forward one
            received, sent = _amounts(placed, transfer, kind, batch, units)
        result.append(Crossing(transfer.value, transfer.reader, "backward", backward, size, sent, received))
    return result


def _forward_kind(transfer: Transfer) -> Kind | None:
    """The exchange that brings a value to its reader; ``None`` if every device already has what it needs."""
    source, target = transfer.source, transfer.target
    if source.batch != target.batch:
        return "all-to-all" if source.channels > 1 or target.channels > 1 else "all-gather"
    match source.owner, target.owner:
        case None, None:
            return "all-gather" if source.channels > target.channels else None
        case None, _:
            return "gather" if source.channels > 1 else None
        case _, None:
            return "scatter" if target.channels > 1 else "broadcast"
    return "send"


def _backward_kind(transfer: Transfer, forward: Kind | None) -> Kind | None:
    """The exchange that brings the gradient back; ``None`` if there is none."""
    source, target = transfer.source, transfer.target
    if forward == "all-gather":
        return "reduce-scatter" if transfer.partial else None
    if forward == "broadcast":
        return "reduce" if transfer.partial else None
    if forward is not None:
        return BACKWARD[forward]
    if target.owner is not None:
        return "broadcast"
    if target.channels > source.channels:
        return "all-gather"
    return "all-reduce"  # the value stays as it is, so the transfer is one of partial gradients


def _amounts(
    placed: Placed, transfer: Transfer, kind: Kind, batch: int, units: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The bytes that each device sends and receives; ``units`` is the bytes of the value for one image."""
    pairs = [_amount(placed, transfer, kind, device, batch, units) for device in range(placed.arrangement.devices)]
    return tuple(sent for sent, _ in pairs), tuple(received for _, received in pairs)


def _amount(placed: Placed, transfer: Transfer, kind: Kind, device: int, batch: int, units: int) -> tuple[int, int]:
    arrangement, source, target = placed.arrangement, transfer.source, transfer.target
    if source.batch != target.batch:  # only in ``hybrid``, where the shares of the batch are equal
        images, others = batch // arrangement.devices, arrangement.devices - 1
        amount = images * others * (units if kind == "all-gather" else units // arrangement.devices)
        return amount, amount
    devices = max(source.channels, target.channels, arrangement.groups)
    value = images_on(placed, device, source, batch) * units
    share = value // devices
    column = arrangement.column(device)
    other_devices = devices - 1
    match kind:
        case "all-gather":
            return share * other_devices, share * other_devices
        case "all-reduce":
            return ring(value, devices), ring(value, devices)
        case "gather":
            return (0, share * other_devices) if column == target.owner else (share, 0)
        case "scatter":
            return (share * other_devices, 0) if column == source.owner else (0, share)
        case "broadcast":
            owner = source.owner if source.owner is not None else target.owner
            return (value * other_devices, 0) if column == owner else (0, value)
    return value * (column == source.owner), value * (column == target.owner)


def _statistics_crossings(placed: Placed) -> list[Crossing]:
    """The all-reduces of batch normalisations over a divided batch: per channel, two numbers forward and two backward
    for each part of the batch (``accumulate``)."""
    result: list[Crossing] = []
    for layer in phases(placed.graph).trunk:
        sharding = placed.layers[layer.name].sharding
        for node in placed.graph.nodes_of(layer):
            if isinstance(node.op, BatchNorm) and sharding.batch > 1:
                size = 2 * node.output.channels * FULL * placed.graph.train.accumulate
                amounts = _ring_amounts(placed, layer.name, size)
                result += [
                    Crossing(layer.name, layer.name, "forward", "all-reduce", size, amounts, amounts),
                    Crossing(layer.name, layer.name, "backward", "all-reduce", size, amounts, amounts),
                ]
    return result


def _gradient_crossings(placed: Placed) -> list[Crossing]:
    """The all-reduces of the parameters' gradients over the shares of the batch, by layer, last layer first.

    A parameter's gradients are summed once for each of its updates during a batch. Parameters that all devices of a row
    hold whole also need a broadcast from the row's first device (see ``parallel.gradients``).
    """
    sizes: dict[str, int] = {}
    for parameter in placed.graph.parameters.values():
        updates = placed.graph.train.accumulate // (parameter.update_every or placed.graph.train.accumulate)
        sizes[parameter.layer] = sizes.get(parameter.layer, 0) + math.prod(parameter.shape) * FULL * updates
    broadcast_layers = {p.layer for p in placed.graph.parameters.values() if placed.replicated_in_row(p)}
    result: list[Crossing] = []
    for name, size in reversed(sizes.items()):
        if placed.layers[name].sharding.batch > 1:
            amounts = _ring_amounts(placed, name, size)
            result.append(Crossing(name, "", "gradients", "all-reduce", size, amounts, amounts))
        if name in broadcast_layers:
            arrangement = placed.arrangement
            first = [arrangement.column(device) == 0 for device in range(arrangement.devices)]
            sent = tuple(size * (arrangement.groups - 1) * is_first for is_first in first)
            received = tuple(size * (not is_first) for is_first in first)
            result.append(Crossing(name, "", "gradients", "broadcast", size, sent, received))
    return result


def _ring_amounts(placed: Placed, layer: str, size: int) -> tuple[int, ...]:
    """The bytes that each device sends to all-reduce its channel share of a layer's tensor over the batch shares."""
    sharding = placed.layers[layer].sharding
    amount = ring(size // sharding.channels, sharding.batch)
    return tuple(amount * placed.on(device, layer) for device in range(placed.arrangement.devices))
