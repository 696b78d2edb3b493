"""Optimising passes: other forms in which the same network is computed faster.

A pass changes no parameter, no name and no shape of the module; what it changes of the numbers is their rounding.
``forms_of`` works out the forms of a graph, and the ``pytorch`` backend builds its module by them. Where several
devices compute it, ``on_devices`` and ``on_one_device`` fit them to each device's part.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.passes.fast import (
    avg_pool,
    bias_relu,
    channels_last,
    cuda_graph,
    cudnn_benchmark,
    dropout,
    fused_update,
    grouped_conv,
    im2col,
    kept_memory,
    lrn_chain,
    max_pool,
    space_to_depth,
)
from netspec.passes.fast.devices import on_devices, on_one_device
from netspec.passes.fast.model import PLAIN, Chain, Device, Forms, Pass, Unshuffle, Where

ALL = "all"
"""What switches every pass off."""

PASSES: tuple[Pass, ...] = (
    space_to_depth.PASS,
    lrn_chain.PASS,
    grouped_conv.PASS,
    bias_relu.PASS,
    dropout.PASS,
    channels_last.PASS,
    max_pool.PASS,
    avg_pool.PASS,
    im2col.PASS,
    fused_update.PASS,
    kept_memory.PASS,
    cudnn_benchmark.PASS,
    cuda_graph.PASS,
)
"""Every pass, in the order in which they are applied."""

NAMES = tuple(one.name for one in PASSES)


def chosen(where: Where, without: Collection[str] = ()) -> tuple[str, ...]:
    """The names of the passes that are on: those that pay there, but those that are switched off."""
    if ALL in without:
        return ()
    return tuple(one.name for one in PASSES if one.pays(where) and one.name not in without)


def forms_of(graph: Graph, names: Collection[str], images: int | None = None) -> Forms:
    """The forms that passes of these names leave, where so many images at most go through at a time (``None``: as many
    as one likes). ``Forms.passes`` has those that found something to do."""
    forms = PLAIN
    applied: list[str] = []
    for one in PASSES:
        if one.name in names:
            after = one.apply(graph, forms)
            after = after if images is None else one.enough(graph, after, images)
            if after != forms:
                applied.append(one.name)
            forms = after
    return replace(forms, passes=tuple(applied))


__all__ = [
    "ALL",
    "NAMES",
    "PASSES",
    "PLAIN",
    "Chain",
    "Device",
    "Forms",
    "Pass",
    "Unshuffle",
    "Where",
    "chosen",
    "forms_of",
    "on_devices",
    "on_one_device",
]
