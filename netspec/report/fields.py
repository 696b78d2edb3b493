"""The table of receptive fields."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from netspec.formatting import format_number, format_sizes
from netspec.net import Net
from netspec.passes.receptive_fields import Field, ReceptiveField, receptive_fields
from netspec.report.table import Column, Table

_NOTES = (
    "receptive field: the pixels of the image (height x width) that a unit depends on; it may reach into the padding",
    "to: the smallest and the largest field of a layer; all: everything that reaches the layer; varies: units have "
    "fields of too many kinds",
    "stride: from one unit's field to its neighbour's, in pixels of the image; on average, if that differs",
    "starts at: the first pixel of the first unit's field, from the left and upper edge of the image (one number for "
    "both, or left,upper); negative in the padding",
)


def receptive_field_table(net: Net) -> Table:
    """Return the table of the receptive field of each layer."""
    columns = (
        Column("layer", right=False),
        Column("type", right=False),
        Column("output"),
        Column("receptive field"),
        Column("stride"),
        Column("starts at"),
    )
    fields = receptive_fields(net.graph)
    rows = tuple((n.name, n.type, str(n.output), *_cells(fields[n.name])) for n in net.layers.values())
    return Table(f"{net.name}: receptive fields in an image of {net.graph.input.output}", columns, rows, None, _NOTES)


def receptive_field_data(field: ReceptiveField) -> dict[str, Any] | str:
    """Return a receptive field as plain data. Pairs are (height, width) or (from above, from the left).

    ``size`` is that of the largest field, and ``smallest`` that of the smallest one, if they differ.
    """
    if not isinstance(field, Field):
        return field
    spans = (field.rows, field.columns)
    smallest, largest = ([span.sizes[end] for span in spans] for end in (0, 1))
    return {
        **({"smallest": smallest} if smallest != largest else {}),
        "size": largest,
        "stride": [_number(span.stride) for span in spans],
        "start": [span.start for span in spans],
    }


def _cells(field: ReceptiveField) -> tuple[str, str, str]:
    if not isinstance(field, Field):
        return field, "", ""
    rows, columns = field.rows, field.columns
    smallest, largest = (format_sizes((rows.sizes[end], columns.sizes[end])) for end in (0, 1))
    strides = [format_number(_number(span.stride)) for span in (rows, columns)]
    return (
        largest if smallest == largest else f"{smallest} to {largest}",
        strides[0] if rows.stride == columns.stride else "x".join(strides),
        str(rows.start) if rows.start == columns.start else f"{columns.start},{rows.start}",
    )


def _number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
