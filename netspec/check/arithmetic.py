"""Explain in numbers how the shape and the counts of a layer follow from what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netspec.formatting import format_count, format_product
from netspec.ir.ops import BatchNorm, ChannelScale, Conv, Deconv, GroupNorm, Linear, Local, Op, PRelu, window_of
from netspec.ir.shape import Shape
from netspec.ir.window import Axis, AxisName, Window


class Step(NamedTuple):
    """One operation of a layer with its input and output shapes."""

    op: Op
    reads: tuple[Shape, ...]
    output: Shape


def shape_arithmetic(steps: Sequence[Step]) -> tuple[str, ...]:
    """Explain in numbers how a layer's output shape follows from its input."""
    for step in steps:
        x = step.reads[0] if step.reads else step.output
        window = window_of(step.op)
        if window is not None:
            rows, columns = window.fit(x.height, x.width)
            notes = [_axis_arithmetic(window, "width", x.width, columns)]
            if window.terms("height") != window.terms("width") or x.height != x.width:
                notes.append(_axis_arithmetic(window, "height", x.height, rows))
            return tuple(notes)
        if isinstance(step.op, Linear):
            return (f"outputs={step.op.outputs}",)
    if steps and steps[0].reads:
        return (f"it reads {' and '.join(map(str, steps[0].reads))}",)
    return ()


def channel_arithmetic(steps: Sequence[Step]) -> tuple[str, ...]:
    """Explain where a layer's number of channels comes from."""
    for step in steps:
        if isinstance(step.op, Conv | Deconv | Local):
            return (f"channels: filters={step.op.filters}",)
    read = " + ".join(str(shape.channels) for shape in steps[0].reads) if steps else ""
    return (f"channels: those that it reads, {read}",) if read else ()


def _axis_arithmetic(window: Window, axis: AxisName, size: int, fits: Axis) -> str:
    """Explain the number of window positions along one axis, how it was rounded, and which pixels stay unread."""
    text = f"{axis}: {window.arithmetic(axis, size)}"
    if window.unrounded_output(axis, size).denominator > 1:
        text += f", rounded to {fits.output} (rounding={window.rounding})"
    if fits.unread:
        last = "the last" if fits.unread == 1 else f"the last {fits.unread}"
        text += f"; {last} of its {size} {'columns' if axis == 'width' else 'rows'} unread"
    return text


def count_arithmetic(name: str, steps: Sequence[Step]) -> tuple[str, ...]:
    """Explain in numbers how units, weights or connections are counted, one line for each operation with weights."""
    if name == "units":
        out = steps[-1].output
        return (f"{format_product(tuple(out))} = {format_count(out.units)}",) if out.is_image else ()
    return tuple(line for step in steps if (line := _step_arithmetic(name, step)) is not None)


def _step_arithmetic(name: str, step: Step) -> str | None:
    op, out = step.op, step.output
    params = op.params(step.reads, out)
    if not params:
        return None
    x, weights, connections = step.reads[0], params[0].size, format_count(op.connections(step.reads, out))
    if isinstance(op, Conv | Deconv) and name == "weights":
        return f"{_kernels(op, x)} = {format_count(weights)}"
    if isinstance(op, Deconv):
        return f"{format_product(x[1:])} places of its input * {format_count(weights)} weights = {connections}"
    if isinstance(op, Conv | Local):
        per_place = weights if isinstance(op, Conv) else weights // (out.height * out.width)
        return f"{format_product(out[1:])} places * {format_count(per_place)} weights = {connections}"
    if isinstance(op, Linear):
        inputs = _share(format_count(x.units), op.groups)
        return f"{inputs} inputs * {format_count(op.outputs)} outputs = {connections}"
    channels = format_count(out.channels)
    if isinstance(op, ChannelScale | BatchNorm | GroupNorm) and name == "weights":
        return f"one weight a channel * {channels} channels = {channels}"
    if isinstance(op, PRelu) and name == "weights" and not op.shared:
        return f"one slope a channel * {channels} channels = {channels}"
    return None


def _kernels(op: Conv | Deconv, x: Shape) -> str:
    """Say how many weights a kernel or filter has, and how many of these there are."""
    kernel = format_product(op.window.kernel)
    if isinstance(op, Deconv):
        return f"{kernel} weights a kernel * {x.channels} channels * {_share(str(op.filters), op.groups)} filters"
    if op.table is not None:
        return f"{kernel} weights a kernel * {format_count(op.table.links)} kernels of the table"
    return f"{kernel} * {_share(str(x.channels), op.groups)} weights a filter * {op.filters} filters"


def _share(number: str, groups: int) -> str:
    return f"{number} / {groups}" if groups > 1 else number
