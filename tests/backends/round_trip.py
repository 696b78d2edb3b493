"""Exporting a spec as files of cuda-convnet, importing them again, and comparing the two nets."""

from __future__ import annotations

import math
from typing import Any, Literal

from netspec import backend
from netspec.diff import compare
from netspec.ir.graph import Graph
from netspec.keys import texts
from netspec.net import ImportOptions, Net, import_layer_file, loads
from netspec.source import Source

Dialect = Literal["2012", "v2"]
BACKEND = backend.load("cuda_convnet")


def reimported(files: Any, graph: Graph) -> Net:
    """Import the layer and parameter files that were written for a graph."""
    layers, params = Source("layers.cfg", files.layers), Source("layer-params.cfg", files.params)
    net = import_layer_file(layers, graph.input.output, options=ImportOptions(params, files.dialect, merged=True))
    return loads(net.source.text)


LOST_SETTINGS = {
    ("train", "epochs"), ("train", "batch"), ("train", "lr"), ("train", "momentum"), ("train", "weight_decay"),
    ("train", "schedule"), ("train", "bias_schedule"),
    ("augment", "from"), ("augment", "flip"), ("augment", "colour"), ("test", "views"),
}  # fmt: skip
"""Settings that the files do not have. Rates, schedules, momentum and decay are in the files by layer, and are
compared by parameter."""

IGNORED_AT_RATE_0 = ("momentum", "decay", "bias_momentum", "bias_decay")
"""Keys without effect if the learning rate is 0, so that an imported spec has none of them. At other rates they are
compared by parameter."""


def assert_same_net(one: Net, other: Net, *, scheduled: bool = True) -> None:
    """Check that two nets differ only in what the files do not hold, and in schedules unless ``scheduled``."""
    comparison = compare(one, other)
    ignored = {(p.layer, key) for p in one.graph.parameters.values() if not p.lr for key in IGNORED_AT_RATE_0}
    if not scheduled:
        ignored |= {(layer.name, key) for layer in comparison.layers for key in ("schedule", "bias_schedule")}
    differences = [(layer.name, d) for layer in comparison.layers for d in layer.differences]
    assert [
        (name, d)
        for name, d in differences
        if (name, d.key) not in ignored and d.effect not in ("nothing", "placement")
    ] == []
    assert (comparison.function, comparison.misfits) == ("same", ())
    assert {(s.setting, s.difference.key) for s in comparison.settings} <= LOST_SETTINGS
    parameters = other.graph.parameters
    assert list(parameters) == list(one.graph.parameters)
    for key, p in one.graph.parameters.items():
        q = parameters[key]
        assert (p.shape, p.distribution) == (q.shape, q.distribution), key
        assert math.isclose(p.lr, q.lr), key
        assert not p.lr or math.isclose(p.momentum, q.momentum), key
        assert not p.lr or math.isclose(p.decay, q.decay, abs_tol=1e-15), key
        assert p.constraint == q.constraint, key
        schedules = [texts.schedule(net.graph.schedule_of(parameter)) for net, parameter in ((one, p), (other, q))]
        assert schedules[0] == schedules[1] or not p.lr or not scheduled, key
