"""The tables of ``netspec summary``: layers, GPU groups, and convolutions as matrix products."""

from __future__ import annotations

from collections.abc import Callable

from netspec.formatting import format_count, format_number, listed
from netspec.ir.ops import Bias, Conv, Deconv, Lrn, MapNorm, word_of
from netspec.ir.widths import FULL
from netspec.keys import texts
from netspec.net import Net
from netspec.report.style import READABLE, Style
from netspec.report.table import ColumnOf, Table, table_of
from netspec.stats import LayerNumbers, MatrixProduct, Share, WindowNumbers, flops_by_kind, matrix_products, share

MAX_LISTED = 8
"""The most layers that are listed for one value of alpha."""

_COUNT_NOTES = (
    "units: output values of a layer; weights, biases: learnt numbers; connections: multiply-accumulates of one "
    "image's forward pass",
    "totals count the units and connections of convolutions and fully connected layers; kernels are height x width, "
    "pads as really read "
    "(one side for all, or left,right,top,bottom)",
    "dense: connections if every output unit read every input unit; memory: the layer's output in float32",
)


def layer_table(net: Net, batch: int, style: Style = READABLE) -> Table:
    """Return the table of layers: window, counts, shares of the totals, and memory for a batch."""
    total, layers = net.total, net.layers.values()
    columns: tuple[ColumnOf[LayerNumbers], ...] = (
        ColumnOf("layer", lambda n: n.name, "total", right=False),
        ColumnOf("type", lambda n: n.type, right=False, rank=1),
        ColumnOf("output", lambda n: str(n.output)),
        ColumnOf("kernel", lambda n: _of_windows(n, lambda w: texts.pair(w.window.kernel))),
        ColumnOf("stride", lambda n: _of_windows(n, lambda w: texts.pair(w.window.stride))),
        ColumnOf("pad", lambda n: _of_windows(n, lambda w: texts.pad(w.effective_pad)), rank=2),
        ColumnOf("groups", _groups),
        ColumnOf("units", lambda n: style.count(n.units), style.count(total.units), rank=3),
        ColumnOf("weights", lambda n: _count_cell(n, n.weights, style), style.count(total.weights)),
        ColumnOf("biases", lambda n: _count_cell(n, n.biases, style), style.count(total.biases), rank=7),
        ColumnOf("connections", lambda n: _count_cell(n, n.connections, style), style.count(total.connections)),
        ColumnOf("% params", lambda n: _percent_cell(n.parameters, total.parameters, style), rank=5),
        ColumnOf("% conn.", lambda n: _percent_cell(n.connections, total.connections, style), rank=6),
        ColumnOf(
            "dense",
            lambda n: style.count(n.dense_connections) if n.dense_connections else "",
            style.count(sum(n.dense_connections for n in layers)),
            rank=9,
        ),
        ColumnOf(
            style.memory,
            lambda n: style.size(n.activation_bytes(batch)),
            style.size(sum(n.activation_bytes(batch) for n in layers)),
            rank=8,
        ),
    )
    notes = (*_COUNT_NOTES, *_flops_notes(net), *_alpha_notes(net))
    return table_of(_title(net, batch), columns, layers, notes)


def _alpha_notes(net: Net) -> tuple[str, ...]:
    """Return a note with the effective alpha of each normalisation, because specs can write it in two conventions."""
    alphas: dict[str, list[str]] = {}
    for node in net.graph.nodes.values():
        if isinstance(node.op, Lrn | MapNorm):
            alphas.setdefault(format_number(node.op.alpha), []).append(node.layer)
    values = "; ".join(f"{listed(layers, MAX_LISTED)} {alpha}" for alpha, layers in alphas.items())
    return (f"effective alpha, the factor on each square: {values}",) if values else ()


def _title(net: Net, batch: int) -> str:
    groups = net.graph.groups
    return (
        f"{net.name}: {format_count(net.total.parameters)} parameters, {format_count(net.total.connections)} "
        "connections" + (f", {groups} GPU groups" if groups > 1 else "") + f", batch {format_count(batch)}"
    )


def _flops_notes(net: Net) -> tuple[str, ...]:
    flops = flops_by_kind(net.graph)
    terms = " + ".join(f"{format_count(amount)} {kind}" for kind, amount in flops.items())
    rules = {word_of(node.op): node.op.flops_rule for node in net.graph.nodes.values()} | {"biases": Bias.flops_rule}
    rates = "; ".join(f"{kind}: {rules[kind]}" for kind in flops if kind != "connections")
    return (
        f"FLOPs of one image's forward pass: {format_count(sum(flops.values()))} = {terms}",
        f"FLOPs are 2 a connection; {rates}",
    )


def _count_cell(numbers: LayerNumbers, number: int, style: Style) -> str:
    return style.count(number) if number or numbers.parameters else ""


def _percent_cell(part: int, whole: int, style: Style) -> str:
    return style.percent(part, whole) if part else ""


def _of_windows(numbers: LayerNumbers, text: Callable[[WindowNumbers], str]) -> str:
    """Return a text of each window. Where they differ between inputs, ``|`` separates them."""
    return " | ".join(dict.fromkeys(map(text, numbers.windows)))


def _groups(numbers: LayerNumbers) -> str:
    """Return the groups of a layer's windows, or of a normalisation, which has no windows."""
    if numbers.norm_groups is not None:
        return str(numbers.norm_groups)
    return _of_windows(numbers, lambda w: "table" if w.table is not None else str(w.groups))


def im2col_table(net: Net, style: Style = READABLE) -> Table:
    """Return the table of convolutions as matrix products, with how much larger the unrolled image is."""
    columns: tuple[ColumnOf[MatrixProduct], ...] = (
        ColumnOf("layer", lambda m: m.layer, right=False),
        ColumnOf("times", lambda m: str(m.groups)),
        ColumnOf("filters x patch", lambda m: f"{m.rows} x {m.inner}"),
        ColumnOf("patch x places", lambda m: f"{m.inner} x {m.columns}"),
        ColumnOf("connections", lambda m: style.count(m.connections)),
        ColumnOf("image grows", lambda m: style.times(m.growth)),
    )
    notes: tuple[str, ...] = (
        "a convolution is its filters (one a row) times the patches under each place of the window (one a column), "
        "once per group",
        "image grows: numbers in the unrolled patches of all groups against numbers in the layer's input",
    )
    transposed = [n.layer for n in net.graph.nodes.values() if isinstance(n.op, Deconv)]
    if transposed:
        notes += (
            f"{', '.join(transposed)}: a transposed convolution is its transposed weights (a row for each weight of a "
            "pixel) times the image (a column for each place); the products are added where their windows overlap",
        )
    with_table = [n.layer for n in net.graph.nodes.values() if isinstance(n.op, Conv) and n.op.table is not None]
    if with_table:
        notes += (
            f"{', '.join(with_table)}: the product has zeros where the table has no weights; they do not count as "
            "connections",
        )
    return table_of(f"{net.name}: convolutions as matrix products", columns, matrix_products(net.graph), notes)


def per_gpu_table(net: Net, batch: int, style: Style = READABLE) -> Table:
    """Return the table of each GPU group's share of each layer."""
    groups = net.graph.groups
    columns: list[ColumnOf[LayerNumbers]] = [
        ColumnOf("layer", lambda n: n.name, "total", right=False),
        ColumnOf("output", lambda n: str(n.output)),
        ColumnOf("on", _placement_text, right=False),
    ]
    for g in range(groups):
        columns += _columns_of_group(net, batch, g, style)
    notes = ("split: an equal share on each group; whole: on every group", _COUNT_NOTES[0])
    if any(n.placement.replicas for n in net.layers.values()):
        notes = (f"{notes[0]}; replicas: whole on each of their groups, which divide the images of a batch", *notes[1:])
    return table_of(f"{_title(net, batch)}: shares of the GPU groups", columns, net.layers.values(), notes)


def _columns_of_group(net: Net, batch: int, group: int, style: Style) -> tuple[ColumnOf[LayerNumbers], ...]:
    """Return the columns of a GPU group. Their totals count the units and connections of the layers that count."""
    layers, groups = net.layers.values(), net.graph.groups
    shares = {n.name: share(n, group, groups) for n in layers}
    memory = {n.name: shares[n.name].units * _images(n, batch) * FULL for n in layers}
    counted = [shares[n.name] if n.counted else shares[n.name]._replace(units=0, connections=0) for n in layers]
    total = Share(*map(sum, zip(*counted, strict=True)))
    number = f" {group}" if groups > 1 else ""

    def count(amount: Callable[[Share], int]) -> Callable[[LayerNumbers], str]:
        return lambda n: style.count(here) if (here := amount(shares[n.name])) else ""

    return (
        ColumnOf(f"units{number}", count(lambda s: s.units), style.count(total.units)),
        ColumnOf(f"weights{number}", count(lambda s: s.weights), style.count(total.weights)),
        ColumnOf(f"biases{number}", count(lambda s: s.biases), style.count(total.biases)),
        ColumnOf(f"connections{number}", count(lambda s: s.connections), style.count(total.connections)),
        ColumnOf(f"{style.memory}{number}", lambda n: style.size(memory[n.name]), style.size(sum(memory.values()))),
    )


def _images(n: LayerNumbers, batch: int) -> int:
    """Return how many images of a batch a group computes of a layer that it has."""
    return -(-batch // max(1, len(n.placement.replicas)))


def _placement_text(numbers: LayerNumbers) -> str:
    if numbers.placement.split:
        return "split"
    if numbers.placement.replicas:
        return "replicas " + ",".join(map(str, numbers.placement.replicas))
    return "whole" if numbers.placement.gpu is None else str(numbers.placement.gpu)
