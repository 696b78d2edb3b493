"""The tables of ``netspec plan``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from netspec.formatting import (
    format_bytes,
    format_count,
    format_duration,
    format_percent,
    format_rate,
    format_rounded_count,
    plural,
)
from netspec.passes.placing import SPLITS
from netspec.plan import RULE, DevicePlan, Plan
from netspec.plan.crossing import Crossing
from netspec.plan.model import LayerShare, smallest_batch
from netspec.plan.results import PlanRequest, PlanResult, Way
from netspec.plan.scaling import MODEL, Timed
from netspec.report import ColumnOf, Table, table_of

MEMORY_RULE = (
    "weights, gradients and optimiser state are float32; activations are the images and what autograd keeps for the "
    "backward pass, each storage counted once; the workspaces of cuDNN and cuBLAS are not counted"
)

RULES = (RULE, MEMORY_RULE, *MODEL)
"""Notes on the rules of counting, which ``--quiet`` leaves out."""

EqualDevices = tuple[DevicePlan, ...]
"""Devices that hold and exchange the same amounts."""


def tables(result: PlanResult) -> list[Table]:
    """Return the tables to print: all those of a single plan, or a comparison of several plans."""
    if not result.request.single:
        return [comparison_table(result), *([fastest_table(result)] if result.winners else [])]
    plan = result.ways[0].plan
    whole = [devices_table(plan, _largest_batch_notes(result, plan)), layers_table(plan)]
    if plan.crossings:
        whole.append(crossings_table(plan, _break_even_notes(result)))
    if result.request.machine:
        whole += [comparison_table(result), fastest_table(result)]
    return whole


def devices_table(plan: Plan, extra_notes: Sequence[str] = ()) -> Table:
    """Return the table of what each device holds and exchanges in a step. Devices with equal amounts share a row."""
    groups = equal_devices(plan)
    columns: tuple[ColumnOf[EqualDevices], ...] = (
        ColumnOf("device", numbers_of, right=False),
        ColumnOf("images", lambda equal: format_count(equal[0].images)),
        ColumnOf("parameters", lambda equal: format_count(equal[0].parameters)),
        ColumnOf("weights", lambda equal: format_bytes(equal[0].memory.standing.weights), rank=2),
        ColumnOf("gradients", lambda equal: format_bytes(equal[0].memory.standing.gradients)),
        ColumnOf("optimiser", lambda equal: format_bytes(equal[0].memory.standing.optimiser)),
        ColumnOf("activations", lambda equal: format_bytes(equal[0].memory.activations)),
        ColumnOf("peak", lambda equal: format_bytes(equal[0].memory.peak.total)),
        ColumnOf("sends", lambda equal: format_bytes(equal[0].sent)),
        ColumnOf("receives", lambda equal: format_bytes(equal[0].received)),
    )
    peaks = {_peak(equal[0]): numbers_of(equal) for equal in groups}
    notes = [f"peak on {devices}: {peak}" for peak, devices in peaks.items()]
    return table_of(_title(plan), columns, groups, (*notes, *extra_notes, *_memory_notes(plan), MEMORY_RULE))


def layers_table(plan: Plan) -> Table:
    """Return the table of how each layer is split over the devices, and what each device holds of it."""
    groups = equal_devices(plan)
    shares = [{share.name: share for share in equal[0].layers} for equal in groups]
    columns: list[ColumnOf[str]] = [
        ColumnOf("layer", str, right=False),
        ColumnOf("output", lambda name: str(plan.graph.layers[name].output) if name in plan.placed.layers else ""),
        ColumnOf(
            "sharding",
            lambda name: str(plan.placed.layers[name].sharding) if name in plan.placed.layers else "",
            right=False,
        ),
    ]
    rank = 3 if len(groups) > 2 else 0
    held = list(zip(map(numbers_of, groups), shares, strict=True))
    columns += [ColumnOf(f"parameters {numbers}", partial(_parameters_cell, own), rank=rank) for numbers, own in held]
    columns += [ColumnOf(f"kept {numbers}", partial(_kept_cell, own), rank=2) for numbers, own in held]
    names = dict.fromkeys([*plan.placed.layers, *(name for own in shares for name in own)])
    return table_of("layers", columns, names)


def _parameters_cell(shares: Mapping[str, LayerShare], name: str) -> str:
    share = shares.get(name)
    return format_count(share.parameters) if share and share.parameters else ""


def _kept_cell(shares: Mapping[str, LayerShare], name: str) -> str:
    share = shares.get(name)
    return format_bytes(share.kept) if share and share.kept else ""


def crossings_table(plan: Plan, extra_notes: Sequence[str] = ()) -> Table:
    """Return the table of every exchange of a step, and the bytes that each device sends in it."""
    columns: list[ColumnOf[Crossing]] = [
        ColumnOf("layer", lambda c: c.layer, "total", right=False),
        ColumnOf("reader", lambda c: c.reader, right=False),
        ColumnOf("pass", lambda c: c.direction, right=False),
        ColumnOf("transfer", lambda c: c.kind, right=False),
        ColumnOf("size", lambda c: format_bytes(c.size)),
    ]
    for equal in equal_devices(plan):
        device = equal[0]
        cell = partial(_sent_cell, device.device)
        columns.append(ColumnOf(f"{numbers_of(equal)} sends", cell, format_bytes(device.sent)))
    return table_of("transfers in a step", columns, plan.crossings, (*extra_notes, RULE))


def _sent_cell(device: int, crossing: Crossing) -> str:
    return format_bytes(crossing.sent[device])


def comparison_table(result: PlanResult) -> Table:
    """Return a table with a row for each number of devices and split.

    If they were requested, it has columns for the largest batch that fits and for the times.
    """
    request = result.request
    columns: list[ColumnOf[Way]] = [
        ColumnOf("gpus", lambda way: format_count(way.plan.arrangement.devices)),
        ColumnOf(
            "split",
            lambda way: way.plan.arrangement.split if way.plan.arrangement.devices > 1 else "",
            right=False,
        ),
        ColumnOf("images", lambda way: format_count(way.fullest.images)),
        ColumnOf("parameters", lambda way: format_count(max(device.parameters for device in way.plan.devices))),
        ColumnOf("peak", lambda way: format_bytes(way.fullest.memory.peak.total)),
        ColumnOf("transferred", lambda way: format_bytes(way.plan.crossed)),
    ]
    if request.limit:
        columns.append(ColumnOf("largest batch", _largest_batch_cell))
    if request.machine:
        columns += [ColumnOf(name, partial(_time_cell, text)) for name, text in _TIMES.items()]
    notes = [f"not possible: {plural(way.devices, 'device')} by {way.split}: {way.reason}" for way in result.left_out]
    notes += ["images, parameters, peak and transferred: of the device with the most", *_break_even_notes(result)]
    notes += [RULE, MEMORY_RULE, *(MODEL if request.machine else ())]
    title = (
        f"{result.ways[0].plan.graph.name}: batch {format_count(request.batch)}, {request.precision}{_machine(request)}"
    )
    return table_of(title, columns, result.ways, tuple(notes))


def fastest_table(result: PlanResult) -> Table:
    """Return the table of the fastest split, its time and efficiency, for each number of devices and batch."""
    winners = result.winners
    batches = list(dict.fromkeys(batch for _, batch in winners))
    columns: list[ColumnOf[int]] = [ColumnOf("gpus", format_count)]
    columns += [ColumnOf(f"batch {format_count(batch)}", partial(_fastest_cell, winners, batch)) for batch in batches]
    numbers = dict.fromkeys(devices for devices, _ in winners)
    return table_of("fastest split, with the time of a step and the efficiency", columns, numbers)


def equal_devices(plan: Plan) -> list[EqualDevices]:
    """Group the devices that hold and exchange the same amounts."""
    groups: dict[object, list[DevicePlan]] = {}
    for device in plan.devices:
        groups.setdefault(device.group_key, []).append(device)
    return [tuple(devices) for devices in groups.values()]


def numbers_of(equal: EqualDevices) -> str:
    """Format the devices' numbers: ``0``, ``0-3`` or ``0, 2``; ``0, 2 ... 14`` for more than four with gaps."""
    numbers = [device.device for device in equal]
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers)) if len(numbers) <= 4 else f"{numbers[0]}, {numbers[1]} ... {numbers[-1]}"


def _title(plan: Plan) -> str:
    devices, split = plan.arrangement.devices, plan.arrangement.split
    title = f"{plan.graph.name} on {plural(devices, 'device')}"
    if devices > 1:
        title += f", by {split}: {SPLITS[split]}"
        if split == "groups" and plan.arrangement.replicas > 1:
            title += f"; {format_count(plan.arrangement.replicas)} replicas, each with a share of the batch"
    return f"{title}; batch {format_count(plan.batch)}, {plan.precision}"


def _peak(device: DevicePlan) -> str:
    peak = device.memory.peak
    return (
        f"{format_bytes(peak.total)} {peak.when} = {format_bytes(peak.standing)} weights, optimiser state and images + "
        f"{format_bytes(peak.gradients)} gradients of parameters + {format_bytes(peak.kept)} kept + "
        f"{format_bytes(peak.temporary)} gradients of activations and temporaries"
    )


def _memory_notes(plan: Plan) -> list[str]:
    """Return the notes that only some networks need: bfloat16 copies, a moving average, accumulated gradients."""
    memory = plan.devices[0].memory
    notes = []
    if memory.casts:
        notes.append(f"autocast keeps bfloat16 copies of the weights during the step: {format_bytes(memory.casts)}")
    if memory.standing.average:
        notes.append(f"the moving average of the weights needs another {format_bytes(memory.standing.average)}")
    if plan.at_once != plan.batch:
        waiting = f"the others wait in the device's memory: {format_bytes(memory.waiting)}"
        notes.append(
            f"{format_count(plan.at_once)} images of the batch go through the network at a time (accumulate); {waiting}"
        )
    if memory.copy:
        notes.append(
            f"on a GPU the step is recorded and reads a copy of the images: {format_bytes(memory.copy)} (cuda-graph)"
        )
    if memory.standing.narrowed:
        narrowed = format_bytes(memory.standing.narrowed)
        notes.append(
            f"after the first validation, bfloat16 copies of the weights stay in memory: {narrowed} (cuda-graph)"
        )
    return notes


def _largest_batch_cell(way: Way) -> str:
    return format_count(way.fitting.batch) if way.fitting and way.fitting.batch else "none"


def _time_cell(text: Callable[[Timed], str], way: Way) -> str:
    return text(way.timed) if way.timed else ""


def _fastest_cell(winners: Mapping[tuple[int, int], Timed], batch: int, devices: int) -> str:
    way = winners[devices, batch]
    split = f"{way.plan.arrangement.split} " if devices > 1 else ""
    return f"{split}{format_duration(way.time.total)} {_efficiency(way)}"


def _efficiency(way: Timed) -> str:
    return format_percent(round(1e6 * way.efficiency), 10**6)


_TIMES: Mapping[str, Callable[[Timed], str]] = {
    "computing": lambda way: format_duration(way.time.computing),
    "values": lambda way: format_duration(way.time.values),
    "gradients": lambda way: format_duration(way.time.gradients),
    "step": lambda way: format_duration(way.time.total),
    "images/s": lambda way: format_rate(way.images_per_second),
    "efficiency": _efficiency,
}
"""The columns of times, with their cells."""


def _machine(request: PlanRequest) -> str:
    machine = request.machine
    if machine is None:
        return ""
    return (
        f", devices of {format_rounded_count(int(machine.flops))}FLOPS on links of {format_bytes(int(machine.link))}/s"
    )


def _largest_batch_notes(result: PlanResult, plan: Plan) -> list[str]:
    """Return a note with the largest batch that fits into ``--memory``; empty if that was not given."""
    limit, fitting = result.request.limit, result.ways[0].fitting
    if limit is None or fitting is None:
        return []
    if fitting.batch:
        return [f"the largest batch that fits into {format_bytes(limit)} per device: {format_count(fitting.batch)}"]
    fewest = smallest_batch(plan.placed)
    return [
        f"no batch fits into {format_bytes(limit)} per device: a batch of {format_count(fewest)} needs "
        f"{format_bytes(fitting.least)}"
    ]


def _break_even_notes(result: PlanResult) -> list[str]:
    """Return notes on the largest batch at which splitting by groups sends fewer bytes than data parallelism."""
    notes = []
    for devices, even in result.even.items():
        until = "at any batch" if even is None else f"up to a batch of {format_count(even)}"
        notes.append(f"on {plural(devices, 'device')}, groups send fewer bytes than data parallelism {until}")
    return notes
