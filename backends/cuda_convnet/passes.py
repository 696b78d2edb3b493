"""``updatePeriod``: after how many of the passes of a batch version 2 updates a layer's weights."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import Input, Loss

from .site import Site


def passes(graph: Graph) -> int:
    """In how many passes a batch goes through: the most replicas of a layer over the fewest."""
    fewest, most = replicas(graph)
    return most // fewest


def held(graph: Graph, *, old: bool) -> bool:
    """Whether what ``accumulate`` says is in the files, as passes."""
    early = any(p.update_every for p in graph.parameters.values())
    return early and not old and graph.train.accumulate == passes(graph)


def update_period(site: Site) -> dict[str, str]:
    """The key, where it says another thing than its absence: an update after each pass in which the layer is active."""
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
    """The fewest and the most replicas of a layer. Data have those of their readers, costs those of what they read."""
    layers = [each for each in graph.layers.values() if not isinstance(graph.nodes[each.nodes[0]].op, Input | Loss)]
    counts = [len(layer.placement.replicas) or 1 for layer in layers] or [1]
    return min(counts), max(counts)
