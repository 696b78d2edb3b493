"""Adapting the forms of a network to several devices, each of which computes some layers, or a share of each."""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Lrn
from netspec.passes.fast.max_pool import pays
from netspec.passes.fast.model import Chain, Forms
from netspec.passes.placing import Placed


def on_devices(forms: Forms, placed: Placed) -> Forms:
    """Return the forms without those that do not work on several devices.

    Chains that a transfer cuts are removed, because what is transferred is a layer's value as in the spec. Chains do
    not add a layer's bias, of which devices may have different shares. Images are not prepared as blocks if they are
    transferred. And grouped convolutions do not choose their form by timing: if devices chose differently, their
    gradients would be ready, and exchanged, in different orders.
    """
    uncut = {name: chain for name, chain in forms.chains.items() if not _is_cut(name, chain, placed)}
    chains = {name: replace(chain, biased=None) for name, chain in uncut.items()}
    crosses = any(placed.graph.input.layer in layer.transfers for layer in placed.layers.values())
    return replace(forms, chains=chains, grouped=frozenset(), images=None if crosses else forms.images)


def on_one_device(forms: Forms, local: Graph) -> Forms:
    """Return the forms for one device's part of a layer (see ``placing.local_graph``), where a normalisation has fewer
    groups and a pooling fewer channels."""
    chains = dict(forms.chains)
    for name, chain in forms.chains.items():
        if name in local.nodes and isinstance(op := local.nodes[name].op, Lrn):
            chains[name] = replace(chain, lrn=op)
    too_narrow = {name for name in forms.pools & local.nodes.keys() if not pays(local.nodes[name])}
    return replace(forms, chains=chains, pools=forms.pools - too_narrow)


def _is_cut(name: str, chain: Chain, placed: Placed) -> bool:
    layers = {placed.graph.nodes[node].layer for node in (name, *chain.absorbed)}
    return any(value in layers for layer in layers for value in placed.layers[layer].transfers)
