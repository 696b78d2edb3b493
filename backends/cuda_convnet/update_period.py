"""``updatePeriod``: after how many passes of a batch version 2 updates a layer's weights."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import Input, Loss

from .site import Replicas, Site


def expresses_accumulate(graph: Graph, *, old: bool) -> bool:
    """Whether the files express ``accumulate``, by the passes of a batch."""
    has_early_updates = any(p.update_every for p in graph.parameters.values())
    return has_early_updates and not old and graph.train.accumulate == replicas(graph).passes


def update_period(site: Site) -> dict[str, str]:
    """Return the key ``updatePeriod``, if it differs from the default: an update after each of the layer's passes."""
    graph = site.graph
    passes_per_batch = site.draft.replicas.passes
    every = next((p.update_every for p in graph.parameters_of(site.layer.name)), None)
    parts = graph.train.accumulate
    default = len(site.gpu) // site.draft.replicas.fewest
    period, remainder = divmod(passes_per_batch * (every or parts), parts)
    if every is not None and (site.draft.old or remainder or period % default):
        message = f"the replicas of this net make {passes_per_batch} parts of a batch in version 2 of cuda-convnet"
        if site.draft.old:
            message = "cuda-convnet of 2012 updates weights once a batch"
        site.draft.problems.add_warning(site.layer.name, f"{message}; update_every is left out", "update_every")
        period = passes_per_batch
    return {} if site.draft.old or period == default else {"updatePeriod": str(period)}


def replicas(graph: Graph) -> Replicas:
    """Return the replicas of all layers except data and costs, which follow their neighbours."""
    layers = [layer for layer in graph.layers.values() if not isinstance(graph.nodes[layer.nodes[0]].op, Input | Loss)]
    counts = [len(layer.placement.replicas) or 1 for layer in layers] or [1]
    return Replicas(min(counts), max(counts))
