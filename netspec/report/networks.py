"""The table that compares networks: a row for each, with its totals."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.formatting import plural
from netspec.ir.widths import FULL
from netspec.net import Net
from netspec.report.style import READABLE, Style
from netspec.report.table import ColumnOf, Table, table_of
from netspec.stats import depth

_NOTES = (
    "depth: the most convolutions and fully connected layers one after another; connections: multiply-accumulates of "
    "one image's forward pass",
    "size: all parameters in float32; activations: the outputs of all layers in float32",
)


def network_table(nets: Sequence[tuple[str, Net]], batch: int, style: Style = READABLE) -> Table:
    """Return the table of networks and of the names of their files. The activations are those of ``batch`` images."""
    bare = "" if style is READABLE else " (bytes)"
    columns: tuple[ColumnOf[tuple[str, Net]], ...] = (
        ColumnOf("network", lambda row: row[1].name, right=False),
        ColumnOf("file", lambda row: row[0], right=False, rank=6),
        ColumnOf("input", lambda row: str(row[1].graph.input.output)),
        ColumnOf("layers", lambda row: style.count(len(row[1].layers)), rank=5),
        ColumnOf("depth", lambda row: style.count(depth(row[1].layers.values())), rank=1),
        ColumnOf("parameters", lambda row: style.count(row[1].total.parameters)),
        ColumnOf("connections", lambda row: style.count(row[1].total.connections)),
        ColumnOf("FLOPs", lambda row: style.count(row[1].total.flops), rank=4),
        ColumnOf(f"size{bare}", lambda row: style.size(row[1].total.parameters * FULL), rank=3),
        ColumnOf(f"activations{bare}", lambda row: style.size(_activations(row[1], batch)), rank=2),
    )
    return table_of(f"{len(nets)} networks, activations of {plural(batch, 'image')}", columns, nets, _NOTES)


def _activations(net: Net, batch: int) -> int:
    return sum(n.activation_bytes(batch) for n in net.layers.values())
