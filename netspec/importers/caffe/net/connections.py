"""Connect layers by the names of their bottoms and tops, as Net::Init of src/caffe/net.cpp does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean
from netspec.importers.caffe.net.counts import check_counts
from netspec.importers.caffe.net.layers import Layer, Top
from netspec.importers.caffe.schema.record import Record
from netspec.source import Span

NOT_IN_PLACE = ("AbsVal", "Flatten", "Reshape")
"""The types of layers whose top must have another name than their bottom."""


def connected(records: Sequence[Record], absent: Iterable[Record], findings: Findings) -> tuple[Layer, ...]:
    """Return layers with the values that they read. A layer reads the last value of a name that is above it.

    ``absent`` are the layers of other phases and stages. ``findings`` gets ``caffe-network`` for a bottom that no layer
    above computes, for a top that two compute, and for a layer that has too few or too many of either.
    """
    values: dict[str, Top] = {}
    layers: list[Layer] = []
    makers = {top: _left_out(record) for record in reversed([*absent]) for top in record.texts("top")}
    makers |= {top: [_computes(record)] for record in records for top in record.texts("top")}
    for number, record in enumerate(records):
        name, bottoms, tops = record.text("name"), record.texts("bottom"), record.texts("top")
        for bottom, span in zip(bottoms, record.places("bottom"), strict=True):
            if bottom not in values and not findings.full:
                _report_unknown(name, bottom, span, list(values), makers.get(bottom, []), findings)
        read = tuple(values.get(bottom, Top(-1, 0)) for bottom in bottoms)
        for index, top in enumerate(tops):
            in_place = bottoms[index : index + 1] == [top]
            if top in values and not in_place:
                maker = layers[values[top].layer].name if values[top].layer < len(layers) else name
                message = f"{name}: {top} is a value already, which {maker} computes"
                findings.add("caffe-network", message, record.places("top")[index])
            values[top] = Top(number, index)
        check_counts(record, findings)
        layers.append(Layer(name, record.text("type"), read, tuple(tops), record))
    _check_in_place(layers, findings)
    return tuple(layers)


def _check_in_place(layers: Sequence[Layer], findings: Findings) -> None:
    """Report layers that change a value in place which another layer reads, too, and those that cannot do it.

    Caffe gives each reader a copy of such a value (src/caffe/util/insert_splits.cpp), so that it has two of that name.
    """
    readers: dict[Top, list[Layer]] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            readers.setdefault(bottom, []).append(layer)
    for layer in layers:
        for index, (name, bottom) in enumerate(zip(layer.record.texts("bottom"), layer.bottoms, strict=True)):
            if layer.tops[index : index + 1] != (name,):
                continue
            place = layer.record.places("top")[index]
            if layer.type in NOT_IN_PLACE:
                findings.add("caffe-network", f"{layer.name}: {layer.type} does not work in place", place)
            if len(readers[bottom]) == 1:
                continue
            reader = next((other.name for other in readers[bottom] if other is not layer), "it")
            message = f"{layer.name}: it changes {name} in place, but {reader} reads {name} unchanged"
            note = "a top of another name keeps both values"
            findings.add("caffe-network", message, place, notes=[note])


def _computes(record: Record) -> str:
    return f"{record.text('name')}, in line {record.span.line}, computes it"


def _left_out(record: Record) -> list[str]:
    rule = " ".join(record.place("include", "exclude").text.split())
    notes = [f"{_computes(record)}, but is left out by its rule, {rule}"]
    stages = any(rule.has("stage") for rule in record.messages("include"))
    return [*notes, "the train_state of a solver chooses stages: --params solver.prototxt"] if stages else notes


def _report_unknown(
    name: str, bottom: str, span: Span, above: list[str], makers: Sequence[str], findings: Findings
) -> None:
    """Report a bottom that no layer above computes. ``makers`` are notes on another layer that does."""
    near = findings.nearest(bottom, above)
    message = f"{name}: no layer above it computes {bottom}" + did_you_mean(near)
    findings.add("caffe-network", message, span, notes=makers)
