"""Connect layers by the names of their bottoms and tops, as Net::Init of src/caffe/net.cpp does."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.check.report import Findings
from netspec.importers.caffe.net.layers import Layer, Top
from netspec.importers.caffe.schema.record import Record
from netspec.source import Span


def connected(records: Sequence[Record], findings: Findings) -> tuple[Layer, ...]:
    """Return layers with the values that they read. A layer reads the last value of a name that is above it.

    ``findings`` gets ``caffe-network`` for a bottom that no layer above computes, and for a top that two compute.
    """
    values: dict[str, Top] = {}
    layers: list[Layer] = []
    makers = {top: record for record in records for top in record.texts("top")}
    for number, record in enumerate(records):
        name, bottoms, tops = record.text("name"), record.texts("bottom"), record.texts("top")
        for bottom, span in zip(bottoms, record.places("bottom"), strict=True):
            if bottom not in values and not findings.full:
                _report_unknown(name, bottom, span, list(values), makers.get(bottom), findings)
        read = tuple(values.get(bottom, Top(-1, 0)) for bottom in bottoms)
        for index, top in enumerate(tops):
            in_place = bottoms[index : index + 1] == [top]
            if top in values and not in_place:
                maker = layers[values[top].layer].name if values[top].layer < len(layers) else name
                message = f"{name}: {top} is a value already, which {maker} computes"
                findings.add("caffe-network", message, record.places("top")[index])
            values[top] = Top(number, index)
        layers.append(Layer(name, record.text("type"), read, tuple(tops), record))
    return tuple(layers)


def _report_unknown(
    name: str, bottom: str, span: Span, above: list[str], maker: Record | None, findings: Findings
) -> None:
    """Report a bottom that no layer above computes. ``maker`` is a layer below that does."""
    near = findings.nearest(bottom, above)
    message = f"{name}: no layer above it computes {bottom}" + (f"; did you mean {near}?" if near else "")
    notes = [f"{maker.text('name')}, in line {maker.span.line}, computes it"] if maker is not None else []
    findings.add("caffe-network", message, span, notes=notes)
