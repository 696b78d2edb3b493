"""The tables of ``netspec plan``."""

from __future__ import annotations

from collections.abc import Sequence

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
from netspec.plan.model import smallest_batch
from netspec.plan.results import PlanRequest, PlanResult
from netspec.plan.scaling import MODEL, Timed
from netspec.report import Column, Table

MEMORY_RULE = (
    "weights, gradients and optimiser state are float32; activations are the images and what autograd keeps for the "
    "backward pass, each storage counted once; the workspaces of cuDNN and cuBLAS are not counted"
)

RULES = (RULE, MEMORY_RULE, *MODEL)
"""Notes on the rules of counting, which ``--quiet`` leaves out."""

_TIMES = ("computing", "values", "gradients", "step", "images/s", "efficiency")

EqualDevices = tuple[DevicePlan, ...]
"""Devices that hold and exchange the same amounts."""


def tables(result: PlanResult) -> list[Table]:
    """Return the tables to print: all those of a single plan, or a comparison of several plans."""
    if not result.request.single:
        return [comparison_table(result), *([fastest_table(result)] if result.winners else [])]
    (plan,) = result.plans
    whole = [devices_table(plan, _largest_batch_notes(result, plan)), layers_table(plan)]
    if plan.crossings:
        whole.append(crossings_table(plan, _break_even_notes(result)))
    if result.timings:
        whole += [comparison_table(result), fastest_table(result)]
    return whole


def devices_table(plan: Plan, extra_notes: Sequence[str] = ()) -> Table:
    """Return the table of what each device holds and exchanges in a step. Devices with equal amounts share a row."""
    columns = (
        Column("device", right=False),
        Column("images"),
        Column("parameters"),
        Column("weights", rank=2),
        Column("gradients"),
        Column("optimiser"),
        Column("activations"),
        Column("peak"),
        Column("sends"),
        Column("receives"),
    )
    rows = []
    peaks: dict[str, str] = {}
    for equal in equal_devices(plan):
        device = equal[0]
        memory, standing = device.memory, device.memory.standing
        rows.append(
            (
                numbers_of(equal),
                format_count(device.images),
                format_count(device.parameters),
                format_bytes(standing.weights),
                format_bytes(standing.gradients),
                format_bytes(standing.optimiser),
                format_bytes(memory.activations),
                format_bytes(memory.peak.total),
                format_bytes(device.sent),
                format_bytes(device.received),
            )
        )
        peaks[_peak(device)] = numbers_of(equal)
    notes = [f"peak on {devices}: {peak}" for peak, devices in peaks.items()]
    return Table(_title(plan), columns, tuple(rows), None, (*notes, *extra_notes, *_memory_notes(plan), MEMORY_RULE))


def layers_table(plan: Plan) -> Table:
    """Return the table of how each layer is split over the devices, and what each device holds of it."""
    groups = equal_devices(plan)
    columns = (
        Column("layer", right=False),
        Column("output"),
        Column("sharding", right=False),
        *(Column(f"parameters {numbers_of(equal)}", rank=3 if len(groups) > 2 else 0) for equal in groups),
        *(Column(f"kept {numbers_of(equal)}", rank=2) for equal in groups),
    )
    shares = [{share.name: share for share in equal[0].layers} for equal in groups]
    rows = []
    for name in dict.fromkeys([*plan.placed.layers, *(name for share in shares for name in share)]):
        here = [share.get(name) for share in shares]
        known = name in plan.placed.layers
        rows.append(
            (
                name,
                str(plan.graph.layers[name].output) if known else "",
                str(plan.placed.layers[name].sharding) if known else "",
                *(format_count(share.parameters) if share and share.parameters else "" for share in here),
                *(format_bytes(share.kept) if share and share.kept else "" for share in here),
            )
        )
    return Table("layers", columns, tuple(rows))


def crossings_table(plan: Plan, extra_notes: Sequence[str] = ()) -> Table:
    """Return the table of every exchange of a step, and the bytes that each device sends in it."""
    groups = equal_devices(plan)
    columns = (
        Column("layer", right=False),
        Column("reader", right=False),
        Column("pass", right=False),
        Column("transfer", right=False),
        Column("size"),
        *(Column(f"{numbers_of(equal)} sends") for equal in groups),
    )
    rows = tuple(
        (
            c.layer,
            c.reader,
            c.direction,
            c.kind,
            format_bytes(c.size),
            *(format_bytes(c.sent[equal[0].device]) for equal in groups),
        )
        for c in plan.crossings
    )
    total = ("total", "", "", "", "", *(format_bytes(equal[0].sent) for equal in groups))
    return Table("transfers in a step", columns, rows, total, (*extra_notes, RULE))


def comparison_table(result: PlanResult) -> Table:
    """Return a table with a row for each number of devices and split.

    If they were requested, it has columns for the largest batch that fits and for the times.
    """
    request = result.request
    columns = (
        Column("gpus"),
        Column("split", right=False),
        Column("images"),
        Column("parameters"),
        Column("peak"),
        Column("transferred"),
        *([Column("largest batch")] if result.fitting else []),
        *(Column(name) for name in _TIMES if result.timings),
    )
    rows = []
    for i, plan in enumerate(result.plans):
        fullest = max(plan.devices, key=lambda device: device.memory.peak.total)
        devices = plan.arrangement.devices
        rows.append(
            (
                format_count(devices),
                plan.arrangement.split if devices > 1 else "",
                format_count(fullest.images),
                format_count(max(device.parameters for device in plan.devices)),
                format_bytes(fullest.memory.peak.total),
                format_bytes(plan.crossed),
                *(
                    [format_count(result.fitting[i].batch) if result.fitting[i].batch else "none"]
                    if result.fitting
                    else []
                ),
                *(_time_cells(result.timings[i]) if result.timings else ()),
            )
        )
    notes = [f"not possible: {plural(way.devices, 'device')} by {way.split}: {way.reason}" for way in result.left_out]
    notes += ["images, parameters, peak and transferred: of the device with the most", *_break_even_notes(result)]
    notes += [RULE, MEMORY_RULE, *(MODEL if result.timings else ())]
    title = f"{result.plans[0].graph.name}: batch {format_count(request.batch)}, {request.precision}{_machine(request)}"
    return Table(title, columns, tuple(rows), None, tuple(notes))


def fastest_table(result: PlanResult) -> Table:
    """Return the table of the fastest split, its time and efficiency, for each number of devices and batch."""
    winners = result.winners
    batches = list(dict.fromkeys(batch for _, batch in winners))
    columns = (Column("gpus"), *(Column(f"batch {format_count(batch)}") for batch in batches))
    rows = tuple(
        (format_count(devices), *(_fastest_cell(winners[devices, batch]) for batch in batches))
        for devices in dict.fromkeys(devices for devices, _ in winners)
    )
    return Table("fastest split, with the time of a step and the efficiency", columns, rows)


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


def _fastest_cell(way: Timed | None) -> str:
    if way is None:
        return ""
    split = f"{way.plan.arrangement.split} " if way.plan.arrangement.devices > 1 else ""
    return f"{split}{format_duration(way.time.total)} {format_percent(round(1e6 * way.efficiency), 10**6)}"


def _time_cells(way: Timed) -> tuple[str, ...]:
    time = way.time
    spent = (time.computing, time.values, time.gradients, time.total)
    return (
        *map(format_duration, spent),
        format_rate(way.images_per_second),
        format_percent(round(1e6 * way.efficiency), 10**6),
    )


def _machine(request: PlanRequest) -> str:
    machine = request.machine
    if machine is None:
        return ""
    return (
        f", devices of {format_rounded_count(int(machine.flops))}FLOPS on links of {format_bytes(int(machine.link))}/s"
    )


def _largest_batch_notes(result: PlanResult, plan: Plan) -> list[str]:
    """Return a note with the largest batch that fits into ``--memory``; empty if that was not given."""
    limit = result.request.limit
    if limit is None:
        return []
    (fitting,) = result.fitting
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
