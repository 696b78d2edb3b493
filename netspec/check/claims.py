"""Claims: reading what a layer states after ``->``, and the arithmetic that explains the true shape and counts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netspec.check.report import Findings, joined_size
from netspec.check.values import pairs_by_key
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.other_keys import ABSENT_COUNTS
from netspec.diagnostics.other_tools import plain_word
from netspec.formatting import format_count
from netspec.ir.ops import BatchNorm, ChannelScale, Conv, Deconv, GroupNorm, Linear, Local, Op, PRelu, window_of
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.window import Axis, AxisName, Window
from netspec.keys import BadValue, ImageShape, Key, Whole
from netspec.keys.numbers import without_commas
from netspec.language.syntax import Claim, Dims, Maps, Number, Pair, Section, Value, by_key
from netspec.source import Span

MAX_COUNT = 2**62

_SHAPE = ImageShape()
_SPACED = re.compile(r"\d{1,3}(?:[ \t]+\d{3})+(?![\w.])")
_COUNTS = {
    name: Key(name, Whole(0, MAX_COUNT), f"how many {name} the layer has")
    for name in ("units", "weights", "connections")
}


class Stated(NamedTuple):
    """A layer's claim as far as it could be read: the shape, the counts, and where each is written."""

    section: Section
    shape: Shape | None
    counts: Mapping[str, int]

    @property
    def shape_span(self) -> Span | None:
        claim = self.section.claim
        return claim.values[0].span if claim and self.shape is not None else None

    @property
    def pairs(self) -> dict[str, Pair]:
        claim = self.section.claim
        return by_key(claim.pairs) if claim else {}


def read_claim(claim: Claim | None, findings: Findings, layer: str) -> tuple[Shape | None, dict[str, int]]:
    """Read a layer's claim and report mistakes in it. Return the shape and the counts."""
    if claim is None:
        return None, {}
    shape = None
    spaced = _with_spaces(claim)
    values = [v for v in claim.values if not any(number.contains(v.span) for number in spaced.values())]
    first, *others = values or (None,)
    fix = joined_size(values) if others else None
    if fix:
        findings.add("stray-value", "a shape is written as one value", claim.span, fixes=(fix,), layer=layer)
    elif first:
        if others:
            findings.add("stray-value", "only one shape can be claimed", *(v.span for v in values[1:]), layer=layer)
        try:
            shape = _SHAPE.read(first)
        except BadValue as error:
            findings.bad_value("the stated shape", error, layer)
    pairs = pairs_by_key(claim.pairs, findings, layer)
    counts: dict[str, int] = {}
    for name, pair in pairs.items():
        if name not in _COUNTS:
            _report_unknown(pair, findings, layer)
            continue
        if name in spaced:
            _report_spaces(name, spaced[name], findings, layer)
            continue
        try:
            counts[name] = _COUNTS[name].kind.read(pair.value)
        except BadValue as error:
            _report_bad_count(pair, error, findings, layer)
    return shape, counts


def _with_spaces(claim: Claim) -> dict[str, Span]:
    """Return the spans of counts with spaces between their thousands, 12 582 912, by key.

    A single number after a count may be a shape: such a count needs two, or a shape elsewhere in the claim.
    """
    if len(claim.values) < 2:
        return {}
    found = {}
    for pair in claim.pairs:
        value = pair.value.span
        end = claim.span.end if claim.span.source is value.source else value.end
        if number := _SPACED.match(value.source.text, value.start, end):
            found[pair.key.text] = Span(value.source, *number.span())
    return found


def _report_spaces(name: str, span: Span, findings: Findings, layer: str) -> None:
    number = re.sub(r"\s", "", span.text)
    fixes = (Fix(f"write {number}", (Edit(span, number),), spelling=True),)
    message = f"{name}: needs {_COUNTS[name].kind.doc}, not '{span.text}'"
    findings.add("bad-value", message, span, fixes=fixes, layer=layer)


def _report_unknown(pair: Pair, findings: Findings, layer: str) -> None:
    word = pair.key
    absent = ABSENT_COUNTS.get(plain_word(word.text))
    if absent:
        findings.add("unknown-key", f"claim '{word.text}' is unknown", word.span, notes=(absent,), layer=layer)
        return
    notes = (f"a layer may state {', '.join(_COUNTS)}",)
    near, number = findings.nearest(word.text, _COUNTS), number_of(pair.value)
    if near and number is not None and not isinstance(pair.value, Number):
        text = f"{near}={number}"
        message = f"claim '{word.text}' is unknown; did you mean {text}?"
        fixes = (Fix(f"write {text}", (Edit(pair.span, text),)),)
        findings.add("unknown-key", message, word.span, notes=notes, fixes=fixes, layer=layer)
        return
    findings.unknown("unknown-key", "claim", word, _COUNTS, layer=layer, notes=notes)


def _report_bad_count(pair: Pair, error: BadValue, findings: Findings, layer: str) -> None:
    """Report a count that could not be read, with a fix if it is a number in another notation."""
    number, value = number_of(pair.value), pair.value
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    if number is not None and 0 <= number <= MAX_COUNT:
        fixes = (Fix(f"write {number}", (Edit(value.span, str(number)),), spelling=True),)
        notes = (f"{_product(value.values)} = {format_count(number)}",) if isinstance(value, Dims) else ()
    findings.add("bad-value", f"{pair.key.text}: {error.message}", error.span, notes=notes, fixes=fixes, layer=layer)


def number_of(value: Value) -> int | None:
    """Return the whole number that is written as 150, 1.5e2, 5x5x6, 144+6 or 12,582,912; ``None`` for another value."""
    match value:
        case Number() if value.value == int(value.value):
            return int(value.value)
        case Dims():
            return math.prod(value.values)
        case Maps():
            return sum(value.values)
    digits = without_commas(value)
    return int(digits) if digits else None


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
        return (f"{_product(tuple(out))} = {format_count(out.units)}",) if out.is_image else ()
    return tuple(line for step in steps if (line := _step_arithmetic(name, step)) is not None)


def _step_arithmetic(name: str, step: Step) -> str | None:
    op, out = step.op, step.output
    if not op.params(step.reads, out):
        return None
    x = step.reads[0]
    if isinstance(op, Conv) and op.table is not None:
        return _table_arithmetic(name, op, op.table, out)
    if isinstance(op, Deconv):
        return _deconv_arithmetic(name, op, step)
    if isinstance(op, Conv | Local):
        weights = math.prod(op.params(step.reads, out)[0].shape)
        if name == "weights" and isinstance(op, Conv):
            rows, columns = op.window.kernel
            per_filter = f"{rows} * {columns} * {_share(str(x.channels), op.groups)}"
            return f"{per_filter} weights a filter * {op.filters} filters = {format_count(weights)}"
        per_place = weights if isinstance(op, Conv) else weights // (out.height * out.width)
        places = f"{out.height} * {out.width} places"
        return f"{places} * {format_count(per_place)} weights = {format_count(op.connections(step.reads, out))}"
    if isinstance(op, Linear):
        inputs = f"{_share(format_count(x.units), op.groups)} inputs"
        return f"{inputs} * {format_count(op.outputs)} outputs = {format_count(op.connections(step.reads, out))}"
    if isinstance(op, ChannelScale | BatchNorm | GroupNorm) and name == "weights":
        return f"one weight a channel * {format_count(out.channels)} channels = {format_count(out.channels)}"
    if isinstance(op, PRelu) and name == "weights" and not op.shared:
        return f"one slope a channel * {format_count(out.channels)} channels = {format_count(out.channels)}"
    return None


def _deconv_arithmetic(name: str, op: Deconv, step: Step) -> str:
    x, weights = step.reads[0], math.prod(op.params(step.reads, step.output)[0].shape)
    if name == "weights":
        kernels = f"{x.channels} channels * {_share(str(op.filters), op.groups)} filters"
        return f"{_product(op.window.kernel)} weights a kernel * {kernels} = {format_count(weights)}"
    connections = format_count(op.connections(step.reads, step.output))
    return f"{x.height} * {x.width} places of its input * {format_count(weights)} weights = {connections}"


def _share(number: str, groups: int) -> str:
    return f"{number} / {groups}" if groups > 1 else number


def _product(shape: tuple[int, ...]) -> str:
    return " * ".join(map(str, shape))


def _table_arithmetic(name: str, op: Conv, table: ConnectionTable, out: Shape) -> str:
    area, links = op.window.area, table.links
    if name == "weights":
        kernel = f"{op.window.kernel[0]} * {op.window.kernel[1]}"
        return f"{kernel} weights a kernel * {format_count(links)} kernels of the table = {format_count(area * links)}"
    places = f"{out.height} * {out.width} places"
    return f"{places} * {format_count(area * links)} weights = {format_count(out.height * out.width * area * links)}"
