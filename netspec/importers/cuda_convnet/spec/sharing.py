"""Find out which layers share weights, and which are split into a line per input because only some matrices are
shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    users = [layer for layer in definition.layers.values() if any(layer.shared)]
    split = _split_layers(definition, users, also_split)
    owners: dict[str, str] = {}
    for layer in users:
        first = layer.shared[0]
        if layer.name not in split and first is not None:
            owners[layer.name] = line_of(first, split)
    return Sharing(owners, frozenset(split))


def _split_layers(definition: Definition, users: Sequence[Layer], also_split: Collection[str]) -> set[str]:
    """Return the layers that need a line for each input, so that each matrix that is shared is the only one of a line.

    These are the ``users`` of only some of another layer's matrices, and that other layer. A layer that is split then
    no longer has its matrices on one line, which splits the layers that use all of them, and so on.
    """
    several = {layer.name for layer in definition.layers.values() if len(layer.weights) > 1}
    owner_of = {layer.name: owner for layer in users if (owner := _owner(layer, definition)) is not None}
    split = {layer.name for layer in users if layer.name not in owner_of and layer.name in several} | set(also_split)
    while True:
        partial_users = [layer for layer in users if layer.name not in owner_of or layer.name in split]
        affected = {s.layer for layer in partial_users for s in layer.shared if s is not None and s.layer in several}
        affected |= {user for user, owner in owner_of.items() if owner in split}
        if affected <= split:
            return split
        split |= affected


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
