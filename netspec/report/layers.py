"""The tables of ``netspec summary``: layers, GPU groups, and convolutions as matrix products."""

from __future__ import annotations

from netspec.formatting import format_count, format_number, listed
from netspec.ir.ops import Bias, Conv, Deconv, Lrn, MapNorm, word_of
from netspec.ir.widths import FULL
from netspec.keys import texts
from netspec.net import Net
from netspec.report.style import READABLE, Style
from netspec.report.table import Column, Table
from netspec.stats import LayerNumbers, Totals, flops_by_kind, matrix_products, share

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
    columns = (
        Column("layer", right=False),
        Column("type", right=False, rank=1),
        Column("output"),
        Column("kernel"),
        Column("stride"),
        Column("pad", rank=3),
        Column("groups"),
        Column("units", rank=2),
        Column("weights"),
        Column("biases", rank=7),
        Column("connections"),
        Column("% params", rank=5),
        Column("% conn.", rank=6),
        Column("dense", rank=9),
        Column(style.memory, rank=8),
    )
    rows = tuple(_layer_row(numbers, net.total, batch, style) for numbers in net.layers.values())
    notes = (*_COUNT_NOTES, *_flops_notes(net), *_alpha_notes(net))
    return Table(_title(net, batch), columns, rows, _total_row(net, batch, style), notes)


def _layer_row(n: LayerNumbers, total: Totals, batch: int, style: Style) -> tuple[str, ...]:
    return (
        n.name,
        n.type,
        str(n.output),
        *_window_cells(n),
        style.count(n.units),
        *(_count_cell(n, number, style) for number in (n.weights, n.biases, n.connections)),
        style.percent(n.parameters, total.parameters) if n.parameters else "",
        style.percent(n.connections, total.connections) if n.connections else "",
        style.count(n.dense_connections) if n.dense_connections else "",
        style.size(n.activation_bytes(batch)),
    )


def _total_row(net: Net, batch: int, style: Style) -> tuple[str, ...]:
    total, layers = net.total, net.layers.values()
    return (
        "total",
        *[""] * 6,
        *map(style.count, (total.units, total.weights, total.biases, total.connections)),
        *[""] * 2,
        style.count(sum(n.dense_connections for n in layers)),
        style.size(sum(n.activation_bytes(batch) for n in layers)),
    )


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


def _window_cells(numbers: LayerNumbers) -> tuple[str, str, str, str]:
    """Return kernel, stride, pad and groups. Where they differ between inputs, ``|`` separates them.

    Of these, a normalisation has groups alone.
    """
    if numbers.norm_groups is not None:
        return "", "", "", str(numbers.norm_groups)
    windows = numbers.windows
    cells = (
        [texts.pair(w.window.kernel) for w in windows],
        [texts.pair(w.window.stride) for w in windows],
        [texts.pad(w.effective_pad) for w in windows],
        ["table" if w.table is not None else str(w.groups) for w in windows],
    )
    kernel, stride, pad, groups = (" | ".join(dict.fromkeys(cell)) for cell in cells)
    return kernel, stride, pad, groups


def im2col_table(net: Net, style: Style = READABLE) -> Table:
    """Return the table of convolutions as matrix products, with how much larger the unrolled image is."""
    columns = (
        Column("layer", right=False),
        Column("times"),
        Column("filters x patch"),
        Column("patch x places"),
        Column("connections"),
        Column("image grows"),
    )
    rows = tuple(
        (
            m.layer,
            str(m.groups),
            f"{m.rows} x {m.inner}",
            f"{m.inner} x {m.columns}",
            style.count(m.connections),
            style.times(m.growth),
        )
        for m in matrix_products(net.graph)
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
    return Table(f"{net.name}: convolutions as matrix products", columns, rows, None, notes)


def per_gpu_table(net: Net, batch: int, style: Style = READABLE) -> Table:
    """Return the table of each GPU group's share of each layer."""
    groups = net.graph.groups
    headings = ("units", "weights", "biases", "connections", style.memory)
    columns = (
        Column("layer", right=False),
        Column("output"),
        Column("on", right=False),
        *(Column(f"{h} {g}" if groups > 1 else h) for g in range(groups) for h in headings),
    )
    rows = []
    sums = [[0] * len(headings) for _ in range(groups)]
    for n in net.layers.values():
        cells: list[str] = []
        for g in range(groups):
            units, weights, biases, connections = share(n, g, groups)
            memory = units * -(-batch // max(1, len(n.placement.replicas))) * FULL
            counted = (units, connections) if n.counted else (0, 0)
            for i, amount in enumerate((counted[0], weights, biases, counted[1], memory)):
                sums[g][i] += amount
            cells += [*(style.count(x) if x else "" for x in (units, weights, biases, connections)), style.size(memory)]
        rows.append((n.name, str(n.output), _placement_text(n), *cells))
    total = ("total", "", "", *(cell for s in sums for cell in (*map(style.count, s[:-1]), style.size(s[-1]))))
    notes = ("split: an equal share on each group; whole: on every group", _COUNT_NOTES[0])
    if any(n.placement.replicas for n in net.layers.values()):
        notes = (f"{notes[0]}; replicas: whole on each of their groups, which divide the images of a batch", *notes[1:])
    return Table(f"{_title(net, batch)}: shares of the GPU groups", columns, tuple(rows), total, notes)


def _placement_text(numbers: LayerNumbers) -> str:
    if numbers.placement.split:
        return "split"
    if numbers.placement.replicas:
        return "replicas " + ",".join(map(str, numbers.placement.replicas))
    return "whole" if numbers.placement.gpu is None else str(numbers.placement.gpu)
