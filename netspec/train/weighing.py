"""Training with ``class_weights=balanced``: the run's network and spec have the numbers that its training images give.

They are counted when a run begins. A run that is resumed keeps its own.
"""

from __future__ import annotations

import dataclasses
from functools import partial

from netspec.formatting import format_number, listed, plural
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.net import Net, load_source
from netspec.source import Source
from netspec.train.config import Config
from netspec.train.data.balance import balanced_weights, count_classes
from netspec.train.data.splits import Data
from netspec.train.processes.world import World
from netspec.train.reporting.console import Reporter
from netspec.train.runs.resume import Earlier

MAX_LISTED = 5
"""The most names of classes in a warning."""


def with_counted_weights(
    graph: Graph, spec: str, config: Config, data: Data, reporter: Reporter, world: World
) -> tuple[Graph, str]:
    """Return a network and its spec with numbers in place of ``class_weights=balanced``, counted once for all processes
    and told to the user; unchanged without it.

    A class without a training image has the weight 1. Raises ``TrainError`` if a mask has a class that does not exist.
    """
    if graph.train.class_weights != "balanced":
        return graph, spec
    reading = partial(reporter.reading, sought="classes")
    counts = count_classes(data, len(data.classes), config.workers, reading) if world.is_main else []
    weights = balanced_weights(world.broadcast(counts))
    known = [weight for weight in weights if weight is not None] or [1.0]
    images = plural(len(data.train.labels), "training image")
    reporter.note(
        f"class_weights=balanced: {format_number(min(known))} to {format_number(max(known))}, counted in "
        f"{f'the masks of {images}' if data.masks else images}; spec.net has the numbers"
    )
    if absent := [name for name, weight in zip(data.classes, weights, strict=True) if weight is None]:
        which = f"{plural(len(absent), 'class')} without a training image"
        reporter.warn(f"class_weights=balanced: the weight of {which} is 1: {listed(absent, MAX_LISTED)}")
    return _weighted(graph, spec, tuple(1.0 if weight is None else weight for weight in weights), config.input)


def with_weights_of(earlier: Earlier, net: Net, shape: Shape | None) -> Net:
    """Return a network that has the numbers that an earlier run counted in place of ``class_weights=balanced``.

    It is unchanged without these words, and if the run has not counted them or has another number of classes. ``shape``
    is the input shape, if it is not the spec's own.
    """
    if net.graph.train.class_weights != "balanced" or not earlier.balanced:
        return net
    weights = earlier.net().graph.train.class_weights
    if not isinstance(weights, tuple) or len(weights) != net.graph.scores.output.channels:
        return net
    graph, spec = _weighted(net.graph, net.kept_text, weights, shape)
    return Net(Source(net.source.name, spec), graph)


def _weighted(graph: Graph, spec: str, weights: tuple[float, ...], shape: Shape | None) -> tuple[Graph, str]:
    change = f"train.class_weights={','.join(f'{weight:.6g}' for weight in weights)}"
    net = load_source(Source(graph.name, spec), shape, (change,))
    weighted = dataclasses.replace(graph.train, class_weights=net.graph.train.class_weights)
    return dataclasses.replace(graph, train=weighted), net.kept_text
