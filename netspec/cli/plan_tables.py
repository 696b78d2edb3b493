"""The tables of ``netspec plan``."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.passes.placing import SPLITS
from netspec.plan import RULE, DevicePlan, Plan
from netspec.plan.answer import Answer, Question
from netspec.plan.model import smallest_batch
from netspec.plan.scaling import MODEL, Timed
from netspec.report import Column, Table
from netspec.units import count, duration, per_second, percent, plural, short, size

MEMORY_RULE = (
    "weights, gradients and momentum are float32; activations are the images and what autograd keeps for the backward "
    "pass, each storage once; what cuDNN and cuBLAS take for themselves is not counted"
)

RULES = (RULE, MEMORY_RULE, *MODEL)
"""Notes on the rules of counting, which ``--quiet`` leaves out."""

_TIMES = ("computing", "values", "gradients", "step", "images/s", "efficiency")

Alike = tuple[DevicePlan, ...]
"""Devices that hold and exchange the same amounts."""


def tables(found: Answer) -> list[Table]:
    """Return the tables to print: all those of a single plan, or a comparison of several plans."""
    if not found.question.single:
        return [comparison_table(found), *([fastest_table(found)] if found.winners else [])]
    (plan,) = found.plans
    whole = [devices_table(plan, _about(found, plan)), layers_table(plan)]
    if plan.crossings:
        whole.append(crossings_table(plan, _evens(found)))
    if found.timings:
        whole += [comparison_table(found), fastest_table(found)]
    return whole


def devices_table(plan: Plan, about: Sequence[str] = ()) -> Table:
    """Return the table of what each device holds and exchanges in a step. Devices with equal amounts share a row."""
    columns = (
        Column("device", right=False),
        Column("images"),
        Column("parameters"),
        Column("weights", rank=2),
        Column("gradients"),
        Column("momentum"),
        Column("activations"),
        Column("peak"),
        Column("sends"),
        Column("receives"),
    )
    rows = []
    peaks: dict[str, str] = {}
    for alike in alikes(plan):
        device = alike[0]
        memory, standing = device.memory, device.memory.standing
        rows.append(
            (
                numbers_of(alike),
                count(device.images),
                count(device.parameters),
                size(standing.weights),
                size(standing.gradients),
                size(standing.momentum),
                size(memory.activations),
                size(memory.peak.total),
                size(device.sent),
                size(device.received),
            )
        )
        peaks[_peak(device)] = numbers_of(alike)
    notes = [f"peak on {devices}: {told}" for told, devices in peaks.items()]
    return Table(_title(plan), columns, tuple(rows), None, (*notes, *about, *_extras(plan), MEMORY_RULE))


def layers_table(plan: Plan) -> Table:
    """Return the table of how each layer is split over the devices, and what each device holds of it."""
    groups = alikes(plan)
    columns = (
        Column("layer", right=False),
        Column("output"),
        Column("lies", right=False),
        *(Column(f"parameters {numbers_of(alike)}", rank=3 if len(groups) > 2 else 0) for alike in groups),
        *(Column(f"kept {numbers_of(alike)}", rank=2) for alike in groups),
    )
    shares = [{share.name: share for share in alike[0].layers} for alike in groups]
    rows = []
    for name in dict.fromkeys([*plan.placed.layers, *(name for share in shares for name in share)]):
        here = [share.get(name) for share in shares]
        known = name in plan.placed.layers
        rows.append(
            (
                name,
                str(plan.graph.layers[name].output) if known else "",
                str(plan.placed.layers[name].held) if known else "",
                *(count(share.parameters) if share and share.parameters else "" for share in here),
                *(size(share.kept) if share and share.kept else "" for share in here),
            )
        )
    return Table("layers on the devices", columns, tuple(rows))


def crossings_table(plan: Plan, about: Sequence[str] = ()) -> Table:
    """Return the table of every exchange of a step, and the bytes that each device sends in it."""
    groups = alikes(plan)
    columns = (
        Column("layer", right=False),
        Column("for", right=False),
        Column("when", right=False),
        Column("exchange", right=False),
        Column("whole"),
        *(Column(f"{numbers_of(alike)} sends") for alike in groups),
    )
    rows = tuple(
        (c.layer, c.reader, c.direction, c.kind, size(c.size), *(size(c.sent[alike[0].device]) for alike in groups))
        for c in plan.crossings
    )
    total = ("total", "", "", "", "", *(size(alike[0].sent) for alike in groups))
    return Table("what crosses between devices in a step", columns, rows, total, (*about, RULE))


def comparison_table(found: Answer) -> Table:
    """Return a table with a row for each number of devices and split.

    If they were requested, it has columns for the largest batch that fits and for the times.
    """
    asked = found.question
    columns = (
        Column("gpus"),
        Column("split", right=False),
        Column("images"),
        Column("parameters"),
        Column("peak"),
        Column("crosses"),
        *([Column("largest batch")] if found.fitting else []),
        *(Column(name) for name in _TIMES if found.timings),
    )
    rows = []
    for i, plan in enumerate(found.plans):
        most = max(plan.devices, key=lambda device: device.memory.peak.total)
        devices = plan.arrangement.devices
        rows.append(
            (
                count(devices),
                plan.arrangement.split if devices > 1 else "",
                count(most.images),
                count(max(device.parameters for device in plan.devices)),
                size(most.memory.peak.total),
                size(plan.crossed),
                *([count(found.fitting[i].batch) if found.fitting[i].batch else "none"] if found.fitting else []),
                *(_times(found.timings[i]) if found.timings else ()),
            )
        )
    notes = [f"not possible: {plural(way.devices, 'device')} by {way.split}: {way.reason}" for way in found.left_out]
    notes += ["images, parameters, peak and crosses: of the device that has the most", *_evens(found)]
    notes += [RULE, MEMORY_RULE, *(MODEL if found.timings else ())]
    title = f"{found.plans[0].graph.name}: batch {count(asked.batch)}, {asked.precision}{_machine(asked)}"
    return Table(title, columns, tuple(rows), None, tuple(notes))


def fastest_table(found: Answer) -> Table:
    """Return the table of the fastest split, its time and efficiency, for each number of devices and batch."""
    winners = found.winners
    batches = list(dict.fromkeys(batch for _, batch in winners))
    columns = (Column("gpus"), *(Column(f"batch {count(batch)}") for batch in batches))
    rows = tuple(
        (count(devices), *(_winner(winners[devices, batch]) for batch in batches))
        for devices in dict.fromkeys(devices for devices, _ in winners)
    )
    return Table("the fastest split, its step and its efficiency", columns, rows)


def alikes(plan: Plan) -> list[Alike]:
    """Group the devices that hold and exchange the same amounts."""
    found: dict[object, list[DevicePlan]] = {}
    for device in plan.devices:
        found.setdefault(device.group_key, []).append(device)
    return [tuple(devices) for devices in found.values()]


def numbers_of(alike: Alike) -> str:
    """Format the devices' numbers: ``0``, ``0-3`` or ``0, 2``; ``0, 2 ... 14`` for more than four with gaps."""
    numbers = [device.device for device in alike]
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers)) if len(numbers) <= 4 else f"{numbers[0]}, {numbers[1]} ... {numbers[-1]}"


def _title(plan: Plan) -> str:
    devices, split = plan.arrangement.devices, plan.arrangement.split
    title = f"{plan.graph.name} on {plural(devices, 'device')}"
    if devices > 1:
        title += f", by {split}: {SPLITS[split]}"
        if split == "groups" and plan.arrangement.replicas > 1:
            title += f"; {count(plan.arrangement.replicas)} times over, for a share of the batch each"
    return f"{title}; batch {count(plan.batch)}, {plan.precision}"


def _peak(device: DevicePlan) -> str:
    peak = device.memory.peak
    return (
        f"{size(peak.total)} {peak.when} = {size(peak.standing)} weights, momentum and images + "
        f"{size(peak.gradients)} gradients of parameters + {size(peak.kept)} kept + "
        f"{size(peak.temporary)} gradients of activations and temporaries"
    )


def _extras(plan: Plan) -> list[str]:
    """Return the notes that only some networks need: bfloat16 copies, a moving average, accumulated gradients."""
    memory = plan.devices[0].memory
    notes = []
    if memory.casts:
        notes.append(f"autocast keeps copies of the weights in bfloat16 meanwhile: {size(memory.casts)}")
    if memory.standing.average:
        notes.append(f"the moving average of the weights takes {size(memory.standing.average)} more")
    if plan.at_once != plan.batch:
        waiting = f"the others wait on the device: {size(memory.waiting)}"
        notes.append(
            f"{count(plan.at_once)} images of the batch go through the network at a time (accumulate); {waiting}"
        )
    if memory.copy:
        notes.append(f"on a GPU the step is recorded and reads a copy of the images: {size(memory.copy)} (cuda-graph)")
    if memory.standing.narrowed:
        narrowed = size(memory.standing.narrowed)
        notes.append(
            f"once images have been looked at, the weights are there in bfloat16 as well: {narrowed} (cuda-graph)"
        )
    return notes


def _winner(way: Timed | None) -> str:
    if way is None:
        return ""
    split = f"{way.plan.arrangement.split} " if way.plan.arrangement.devices > 1 else ""
    return f"{split}{duration(way.time.total)} {percent(round(1e6 * way.efficiency), 10**6)}"


def _times(way: Timed) -> tuple[str, ...]:
    time = way.time
    spent = (time.computing, time.values, time.gradients, time.total)
    return (
        *map(duration, spent),
        per_second(way.images_per_second),
        percent(round(1e6 * way.efficiency), 10**6),
    )


def _machine(asked: Question) -> str:
    machine = asked.machine
    if machine is None:
        return ""
    return f", devices of {short(int(machine.flops))}FLOPS on links of {size(int(machine.link))}/s"


def _about(found: Answer, plan: Plan) -> list[str]:
    """Return a note with the largest batch that fits into ``--memory``; empty if that was not given."""
    limit = found.question.limit
    if limit is None:
        return []
    (fitting,) = found.fitting
    if fitting.batch:
        return [f"the largest batch that fits into {size(limit)} a device: {count(fitting.batch)}"]
    fewest = smallest_batch(plan.placed)
    return [f"no batch fits into {size(limit)} a device: a batch of {count(fewest)} needs {size(fitting.least)}"]


def _evens(found: Answer) -> list[str]:
    """Return notes on the largest batch at which splitting by groups sends fewer bytes than data parallelism."""
    notes = []
    for devices, even in found.even.items():
        until = "at any batch" if even is None else f"up to a batch of {count(even)}"
        notes.append(f"on {plural(devices, 'device')} groups send fewer bytes than data parallel {until}")
    return notes
