"""Which layers share whole sets of weight matrices, and which must be taken apart because they share single ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from netspec.importers.cuda_convnet.layers.model import Definition, Layer


@dataclass(frozen=True, slots=True)
class Sharing:
    """``whole``: the layer whose weights, all of them in their order, a layer takes. ``parted``: the layers that need a
    line for each of their inputs."""

    whole: dict[str, str]
    parted: frozenset[str]


def sharing(definition: Definition, apart: Collection[str] = ()) -> Sharing:
    """How the layers of a definition share weights. ``apart`` are taken apart for another reason."""
    layers = definition.layers
    users = [layer for layer in layers.values() if any(layer.shared)]
    whole = {layer.name: owner for layer in users if (owner := _owner(layer, definition)) is not None}
    parted = {layer.name for layer in users if layer.name not in whole} | set(apart)
    while True:
        touched = {s.layer for name in parted for s in layers[name].shared if s is not None}
        touched |= {user for user, owner in whole.items() if owner in parted}
        if touched <= parted:
            break
        parted |= touched
    return Sharing({user: owner for user, owner in whole.items() if user not in parted}, frozenset(parted))


def _owner(layer: Layer, definition: Definition) -> str | None:
    """The one layer all of whose matrices are taken, in their order."""
    first = layer.shared[0]
    if first is None or first.layer == layer.name:
        return None
    if len(definition.layers[first.layer].weights) != len(layer.shared):
        return None
    same = all(s is not None and (s.layer, s.index) == (first.layer, i) for i, s in enumerate(layer.shared))
    return first.layer if same else None
