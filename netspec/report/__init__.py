"""The numbers of a network as tables and as JSON."""

from __future__ import annotations

import json
from typing import Any

from netspec.net import Net
from netspec.passes.receptive_fields import receptive_fields
from netspec.report.fields import receptive_field_data, receptive_field_table
from netspec.report.layers import im2col_table, layer_table, per_gpu_table
from netspec.report.learning import learning_of, learning_table
from netspec.report.networks import network_table
from netspec.report.style import BARE, READABLE, Style
from netspec.report.table import Column, ColumnOf, Table, csv_text, markdown, table_of
from netspec.stats import LayerNumbers, WindowNumbers, flops_by_kind, matrix_products, share

__all__ = [
    "BARE", "READABLE", "Column", "ColumnOf", "Style", "Table", "as_dict", "csv_text", "im2col_table", "layer_table",
    "learning_table", "markdown", "network_table", "per_gpu_table", "receptive_field_table", "table_of", "to_json",
]  # fmt: skip


def to_json(
    net: Net,
    batch: int,
    *,
    im2col: bool = False,
    per_gpu: bool = False,
    learning: bool = False,
    fields: bool = False,
) -> str:
    """Return the layer table as JSON.

    ``im2col``, ``per_gpu``, ``learning`` and ``fields`` add each layer's matrix products, its shares on the GPU groups,
    its parameters, and its receptive field.
    """
    data = as_dict(net, batch)
    if learning:
        for layer in data["layers"]:
            layer["learning"] = learning_of(net.graph, layer["name"])
    if im2col:
        products = matrix_products(net.graph)
        for layer in data["layers"]:
            layer["im2col"] = [
                {"times": m.groups, "filters": [m.rows, m.inner], "patches": [m.inner, m.columns], "growth": m.growth}
                for m in products
                if m.layer == layer["name"]
            ]
    if per_gpu:
        groups = net.graph.groups
        for layer, numbers in zip(data["layers"], net.layers.values(), strict=True):
            layer["per_gpu"] = [share(numbers, g, groups)._asdict() for g in range(groups)]
    if fields:
        by_layer = receptive_fields(net.graph)
        for layer in data["layers"]:
            layer["receptive_field"] = receptive_field_data(by_layer[layer["name"]])
    return json.dumps(data, indent=1)


def as_dict(net: Net, batch: int) -> dict[str, Any]:
    """Return the layer table as plain data. Pads are left, right, top, bottom; ``activation_bytes`` are of a batch."""
    total = net.total
    return {
        "net": net.name,
        "input": list(net.graph.input.output),
        "batch": batch,
        "layers": [_layer(numbers, batch) for numbers in net.layers.values()],
        "total": {
            "units": total.units,
            "weights": total.weights,
            "biases": total.biases,
            "parameters": total.parameters,
            "connections": total.connections,
            "flops": total.flops,
        },
        "flops_by_kind": flops_by_kind(net.graph),
    }


def _layer(numbers: LayerNumbers, batch: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": numbers.name,
        "type": numbers.type,
        "inputs": list(numbers.inputs),
        "output": list(numbers.output),
        "gpu": _gpu(numbers),
        "reads": numbers.reads,
        "units": numbers.units,
        "weights": numbers.weights,
        "biases": numbers.biases,
        "parameters": numbers.parameters,
        "connections": numbers.connections,
        "flops": numbers.flops,
        "dense_connections": numbers.dense_connections,
        "activation_bytes": numbers.activation_bytes(batch),
    }
    if numbers.norm_groups is not None:
        entry["groups"] = numbers.norm_groups
    if numbers.windows:
        entry["window"] = _window(numbers.windows[0])
    if len(numbers.windows) > 1:
        entry["windows"] = [_window(w) for w in numbers.windows]
    return entry


def _gpu(numbers: LayerNumbers) -> str | int | list[int]:
    """Return the number of a layer's GPU group, the list of its replicas, or ``"all"``."""
    place = numbers.placement
    return list(place.replicas) if place.replicas else "all" if place.gpu is None else place.gpu


def _window(numbers: WindowNumbers) -> dict[str, Any]:
    window = numbers.window
    entry: dict[str, Any] = {
        "kernel": list(window.kernel),
        "stride": list(window.stride),
        "pad": list(window.pad),
        "effective_pad": list(numbers.effective_pad),
        "dilation": list(window.dilation),
        "rounding": window.rounding,
        "groups": numbers.groups,
    }
    if numbers.table is not None:
        entry["table"] = [list(row) for row in numbers.table.rows]
    return entry
