"""The forms of a network that several devices compute, each some of its layers or its share of them."""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Lrn
from netspec.passes.fast.max_pool import pays
from netspec.passes.fast.model import Chain, Forms
from netspec.passes.placing import Placed


def on_devices(forms: Forms, placed: Placed) -> Forms:
    """The forms without the chains that a transfer cuts: what crosses is a layer's value as the file has it. Nor does a
    chain add the bias of a layer, of which another device may have another share.

    Images that cross are no blocks. Nor is a convolution's form chosen by the clock: devices that chose otherwise would
    have their gradients ready in another order, and send them past each other.
    """
    whole = {name: chain for name, chain in forms.chains.items() if not _is_cut(name, chain, placed)}
    chains = {name: replace(chain, biased=None) for name, chain in whole.items()}
    crosses = any(placed.graph.input.layer in layer.transfers for layer in placed.layers.values())
    return replace(forms, chains=chains, grouped=frozenset(), images=None if crosses else forms.images)


def on_one_device(forms: Forms, local: Graph) -> Forms:
    """The forms of one device's part of a layer (see ``placing.local_graph``): a normalisation has fewer groups,
    a pooling fewer channels."""
    chains = dict(forms.chains)
    for name, chain in forms.chains.items():
        if name in local.nodes and isinstance(op := local.nodes[name].op, Lrn):
            chains[name] = replace(chain, lrn=op)
    few = {name for name in forms.pools & local.nodes.keys() if not pays(local.nodes[name])}
    return replace(forms, chains=chains, pools=forms.pools - few)


def _is_cut(name: str, chain: Chain, placed: Placed) -> bool:
    layers = {placed.graph.nodes[node].layer for node in (name, *chain.absorbed)}
    return any(value in layers for layer in layers for value in placed.layers[layer].transfers)
