"""Optimising passes, which choose other forms for computing the same network faster.

A pass changes no parameters, names or shapes of the module, and results only by rounding. ``forms_of`` returns the
forms of a graph, from which the ``pytorch`` backend builds its module. For several devices, ``on_devices`` and
``on_one_device`` adapt them to the part of each device.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.passes.fast import (
    avg_pool,
    bias_relu,
    dropout,
    grouped_conv,
    im2col,
    lrn_chain,
    max_pool,
    space_to_depth,
)
from netspec.passes.fast.devices import on_devices, on_one_device
from netspec.passes.fast.model import PLAIN, Chain, ComputeTarget, Device, Forms, Pass, Unshuffle
from netspec.passes.fast.whole_step import CHANNELS_LAST, CUDA_GRAPH, CUDNN_BENCHMARK, FUSED_UPDATE, KEPT_MEMORY

ALL = "all"
"""The word that switches off all passes."""

PASSES: tuple[Pass, ...] = (
    space_to_depth.PASS,
    lrn_chain.PASS,
    grouped_conv.PASS,
    bias_relu.PASS,
    dropout.PASS,
    CHANNELS_LAST,
    max_pool.PASS,
    avg_pool.PASS,
    im2col.PASS,
    FUSED_UPDATE,
    KEPT_MEMORY,
    CUDNN_BENCHMARK,
    CUDA_GRAPH,
)
"""All passes, in the order in which they are applied."""

NAMES = tuple(pass_.name for pass_ in PASSES)


def enabled_passes(where: ComputeTarget, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the enabled passes: those that pay off on this device and precision, except ``without``."""
    if ALL in without:
        return ()
    return tuple(pass_.name for pass_ in PASSES if pass_.pays(where) and pass_.name not in without)


def forms_of(graph: Graph, names: Collection[str], images: int | None = None) -> Forms:
    """Return the forms that the passes with these names choose, for at most ``images`` images at a time (``None``: no
    limit). ``Forms.passes`` lists the passes that changed anything."""
    forms = PLAIN
    applied: list[str] = []
    for pass_ in PASSES:
        if pass_.name not in names:
            continue
        changed = pass_.apply(graph, forms)
        if images is not None:
            changed = pass_.enough(graph, changed, images)
        if changed != forms:
            applied.append(pass_.name)
        forms = changed
    return replace(forms, passes=tuple(applied))


__all__ = [
    "ALL",
    "NAMES",
    "PASSES",
    "PLAIN",
    "Chain",
    "ComputeTarget",
    "Device",
    "Forms",
    "Pass",
    "Unshuffle",
    "enabled_passes",
    "forms_of",
    "on_devices",
    "on_one_device",
]
