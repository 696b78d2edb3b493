"""The table that compares networks: a row for each, with its totals."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.formatting import plural
from netspec.ir.widths import FULL
from netspec.net import Net
from netspec.report.style import READABLE, Style
from netspec.report.table import Column, Table
from netspec.stats import depth

_NOTES = (
    "depth: the most convolutions and fully connected layers one after another; connections: multiply-accumulates of "
    "one image's forward pass",
    "size: all parameters in float32; activations: the outputs of all layers in float32",
)


def network_table(nets: Sequence[tuple[str, Net]], batch: int, style: Style = READABLE) -> Table:
    """Return the table of networks and of the names of their files. The activations are those of ``batch`` images."""
    bare = "" if style is READABLE else " (bytes)"
    columns = (
        Column("network", right=False),
        Column("file", right=False, rank=6),
        Column("input"),
        Column("layers", rank=5),
        Column("depth", rank=1),
        Column("parameters"),
        Column("connections"),
        Column("FLOPs", rank=4),
        Column(f"size{bare}", rank=3),
        Column(f"activations{bare}", rank=2),
    )
    rows = tuple(
        (
            net.name,
            file,
            str(net.graph.input.output),
            style.count(len(net.layers)),
            style.count(depth(net.layers.values())),
            *map(style.count, (net.total.parameters, net.total.connections, net.total.flops)),
            style.size(net.total.parameters * FULL),
            style.size(sum(n.activation_bytes(batch) for n in net.layers.values())),
        )
        for file, net in nets
    )
    return Table(f"{len(nets)} networks, activations of {plural(batch, 'image')}", columns, rows, None, _NOTES)
