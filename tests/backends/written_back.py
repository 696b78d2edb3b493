"""A spec as the files of cuda-convnet, read again: how the two nets are compared."""

from __future__ import annotations

import math
from typing import Literal

from netspec import backend
from netspec.diff import compare
from netspec.ir.graph import Graph
from netspec.keys import texts
from netspec.net import LayerFileOptions, Net, import_layer_file, loads
from netspec.source import Source

Dialect = Literal["2012", "v2"]
BACKEND = backend.load("cuda_convnet")


def back(made: object, graph: Graph) -> Net:
    """The files as a spec again."""
    layers, params = Source("layers.cfg", made.layers), Source("layer-params.cfg", made.params)  # type: ignore[attr-defined]
    net = import_layer_file(layers, graph.input.output, LayerFileOptions(params, made.dialect, merged=True))  # type: ignore[attr-defined]
    return loads(net.source.text)


NOT_HELD = {
    ("train", "epochs"), ("train", "batch"), ("train", "lr"), ("train", "momentum"), ("train", "weight_decay"),
    ("train", "schedule"), ("train", "bias_schedule"),
    ("augment", "from"), ("augment", "flip"), ("augment", "colour"), ("test", "views"),
}  # fmt: skip
"""Settings that the files have not. Rates, schedules, momentum and decay they have by layer, and there they are
compared."""

WITHOUT_RATE = ("momentum", "decay", "bias_momentum", "bias_decay")
"""Keys that say nothing beside a rate of 0, of which an imported spec has none. Those of what moves are compared by
parameter."""


def same(one: Net, other: Net, *, scheduled: bool = True) -> None:
    """Two nets are one but for what the files do not hold, and, unless they are ``scheduled``, for schedules."""
    found = compare(one, other)
    passed = () if scheduled else ("schedule", "bias_schedule")
    still = {(p.layer, key) for p in one.graph.parameters.values() if not p.lr for key in WITHOUT_RATE}
    told = [
        (layer.name, d)
        for layer in found.layers
        for d in layer.differences
        if d.key not in passed and (layer.name, d.key) not in still
    ]
    assert [(name, d) for name, d in told if d.effect not in ("nothing", "placement")] == []
    assert (found.function, found.misfits) == ("same", ())
    assert {(s.setting, s.difference.key) for s in found.settings} <= NOT_HELD
    theirs = other.graph.parameters
    assert list(theirs) == list(one.graph.parameters)
    for key, p in one.graph.parameters.items():
        q = theirs[key]
        assert (p.shape, p.distribution) == (q.shape, q.distribution), key
        assert math.isclose(p.lr, q.lr), key
        assert not p.lr or math.isclose(p.momentum, q.momentum), key
        assert not p.lr or math.isclose(p.decay, q.decay, abs_tol=1e-15), key
        assert p.constraint == q.constraint, key
        falls = [texts.schedule(net.graph.schedule_of(of)) for net, of in ((one, p), (other, q))]
        assert falls[0] == falls[1] or not p.lr or not scheduled, key
