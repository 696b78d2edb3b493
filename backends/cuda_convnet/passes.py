"""``updatePeriod``: after how many passes of a batch version 2 updates a layer's weights."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import Input, Loss

from .site import Site


def passes(graph: Graph) -> int:
    """Return the number of passes per batch: the most replicas of any layer divided by the fewest."""
    fewest, most = replicas(graph)
    return most // fewest


def held(graph: Graph, *, old: bool) -> bool:
    """Whether the files express ``accumulate``, by the passes of a batch."""
    early = any(p.update_every for p in graph.parameters.values())
    return early and not old and graph.train.accumulate == passes(graph)


def update_period(site: Site) -> dict[str, str]:
    """Return the key ``updatePeriod``, if it differs from the default: an update after each of the layer's passes."""
    graph = site.graph
    fewest, most = site.draft.replicas
    whole = most // fewest
    every = next((p.update_every for p in graph.parameters_of(site.layer.name)), None)
    parts = graph.train.accumulate
    own = len(site.gpu) // fewest
    period, rest = divmod(whole * (every or parts), parts)
    if every is not None and (site.draft.old or rest or period % own):
        message = f"the replicas of this net make {whole} parts of a batch in version 2 of cuda-convnet"
        if site.draft.old:
            message = "cuda-convnet of 2012 updates weights once a batch"
        site.draft.problems.left_out(site.layer.name, f"{message}; update_every is left out", "update_every")
        period = whole
    return {} if site.draft.old or period == own else {"updatePeriod": str(period)}


def replicas(graph: Graph) -> tuple[int, int]:
    """Return the fewest and the most replicas of any layer except data and costs, which follow their neighbours."""
    layers = [each for each in graph.layers.values() if not isinstance(graph.nodes[each.nodes[0]].op, Input | Loss)]
    counts = [len(layer.placement.replicas) or 1 for layer in layers] or [1]
    return min(counts), max(counts)
