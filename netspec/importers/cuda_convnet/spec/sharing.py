"""Find out which layers share weights, and which are split into a line per input because only some matrices are
shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from netspec.importers.cuda_convnet.layers.model import Definition, Layer, Shared


@dataclass(frozen=True, slots=True)
class Sharing:
    """How layers share weights. ``owners`` maps a layer to the line whose weights it uses, all of them in their order.
    ``split`` are the layers that need a line for each of their inputs."""

    owners: Mapping[str, str]
    split: frozenset[str]


def sharing(definition: Definition, also_split: Collection[str] = ()) -> Sharing:
    """Return how the layers of a definition share weights. ``also_split`` are split for another reason."""
    layers = definition.layers
    several = {layer.name for layer in layers.values() if len(layer.weights) > 1}
    users = [layer for layer in layers.values() if any(layer.shared)]
    owner_of = {layer.name: owner for layer in users if (owner := _owner(layer, definition)) is not None}
    split = {layer.name for layer in users if layer.name not in owner_of and layer.name in several} | set(also_split)
    while True:
        partial = [layer for layer in users if layer.name not in owner_of or layer.name in split]
        affected = {s.layer for layer in partial for s in layer.shared if s is not None and s.layer in several}
        affected |= {user for user, owner in owner_of.items() if owner in split}
        if affected <= split:
            break
        split |= affected
    owners = {
        layer.name: line_of(first, split)
        for layer in users
        if layer.name not in split and (first := layer.shared[0]) is not None
    }
    return Sharing(owners, frozenset(split))


def line_of(matrix: Shared, split: Collection[str]) -> str:
    """Return the line that a matrix belongs to."""
    return f"{matrix.layer}.{matrix.index}" if matrix.layer in split else matrix.layer


def _owner(layer: Layer, definition: Definition) -> str | None:
    """Return the layer whose matrices a layer uses, if it uses all of them in their order."""
    first = layer.shared[0]
    if first is None or first.layer == layer.name:
        return None
    if len(definition.layers[first.layer].weights) != len(layer.shared):
        return None
    same = all(s is not None and (s.layer, s.index) == (first.layer, i) for i, s in enumerate(layer.shared))
    return first.layer if same else None
