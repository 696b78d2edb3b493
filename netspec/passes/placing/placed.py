"""Placing a graph: the distribution of each layer's value over the devices, and the transfers that this requires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer, Node, Parameter
from netspec.ir.ops import Concat, Linear
from netspec.passes.phases import phases
from netspec.passes.placing.arrangement import Arrangement
from netspec.passes.placing.held import Held, Transfer
from netspec.passes.placing.shares import reading

TRAINING_LOSS = "loss"
"""The ``reader`` of the transfer of the class scores to the training loss, if the spec has no loss of its own."""


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """The distribution of a layer's value, and the transfers of its inputs by the names of the layers it reads."""

    held: Held
    transfers: Mapping[str, Transfer]


@dataclass(frozen=True, slots=True)
class Placed:
    """A graph placed on the devices of an arrangement.

    ``scores`` is the transfer of the class scores to the training loss, if it needs one. The loss of a share of the
    batch is weighted by its number of images.
    """

    graph: Graph
    arrangement: Arrangement
    layers: Mapping[str, PlacedLayer]
    scores: Transfer | None

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """All transfers of a training step's forward pass, in order."""
        parts = phases(self.graph)
        trained = [self.layers[layer.name] for layer in (*parts.trunk, *parts.losses)]
        transfers = [transfer for layer in trained for transfer in layer.transfers.values()]
        return (*transfers, self.scores) if self.scores is not None else tuple(transfers)

    def holder(self, parameter: Parameter) -> Held:
        """Return the distribution of a parameter, which follows that of its layer's channels, or their owner.

        Each share of the batch has a replica of it, so its gradients are summed over the shares of the batch.
        """
        return self.layers[parameter.layer].held

    def learnt_by_all(self, parameter: Parameter) -> bool:
        """Whether all places of a row hold the whole parameter and compute its gradient from the same numbers."""
        held = self.holder(parameter)
        return self.arrangement.groups > 1 and held.owner is None and held.channels == 1

    def on(self, device: int, layer: str) -> bool:
        """Whether a device computes a layer."""
        owner = self.layers[layer].held.owner
        return owner is None or owner == self.arrangement.place(device)


def place(graph: Graph, arrangement: Arrangement) -> Placed:
    """Place a graph on the devices of an arrangement."""
    layers: dict[str, PlacedLayer] = {}
    for layer in graph.layers.values():
        held = _held(graph, arrangement, layers, layer)
        requirements = _requirements(graph, layer, held, layers) or {}
        transfers = {}
        for name, (wanted, partial) in requirements.items():
            transfer = _transfer(graph, name, layer.name, layers[name].held, wanted, partial)
            if transfer is not None:
                transfers[name] = transfer
        layers[layer.name] = PlacedLayer(held, transfers)
    return Placed(graph, arrangement, layers, _scores_transfer(graph, arrangement, layers))


def _transfer(graph: Graph, value: str, reader: str, held: Held, wanted: Held, partial: bool) -> Transfer | None:
    """Return the transfer that a reader needs, if any. Input images have no gradient, so they need no transfer merely
    to add up gradients."""
    if held == wanted and (not partial or value == graph.input.layer):
        return None
    return Transfer(value, reader, held, wanted, partial)


def _held(graph: Graph, arrangement: Arrangement, layers: Mapping[str, PlacedLayer], layer: Layer) -> Held:
    """Return the distribution of a layer's value."""
    by_batch = Held(batch=arrangement.replicas)
    if arrangement.devices == 1 or arrangement.split == "batch":
        return by_batch
    if arrangement.split == "hybrid":
        by_feature = Held(channels=arrangement.devices)
        feature = _has_linear(graph, layer) or _follows_features(layer, layers)
        return by_feature if feature and _requirements(graph, layer, by_feature, layers) else by_batch
    parts = arrangement.groups
    if layer.placement.gpu is not None and parts > 1:
        return Held(arrangement.replicas, owner=layer.placement.gpu * parts // graph.groups)
    split = Held(arrangement.replicas, channels=parts)
    if layer.placement.split and parts > 1 and _requirements(graph, layer, split, layers):
        return split
    return by_batch


def _has_linear(graph: Graph, layer: Layer) -> bool:
    return any(isinstance(graph.nodes[name].op, Linear) for name in layer.nodes)


def _follows_features(layer: Layer, layers: Mapping[str, PlacedLayer]) -> bool:
    return bool(layer.inputs) and all(layers[name].held.channels > 1 for name in layer.inputs)


def _requirements(
    graph: Graph, layer: Layer, held: Held, layers: Mapping[str, PlacedLayer]
) -> dict[str, tuple[Held, bool]] | None:
    """Return for each input of a layer the distribution that the layer needs if its own value is distributed as
    ``held``, and whether its devices then compute different things from the input.

    ``None`` if the layer cannot be computed in this many shares.
    """
    if held.channels == 1:
        return {name: (Held(held.batch, owner=held.owner), False) for name in layer.inputs}
    if layer.output.channels % held.channels:
        return None
    nodes = [graph.nodes[name] for name in layer.nodes]
    if any(graph.parameters[key].constraint.parts > 1 for node in nodes for key in node.params):
        return None
    if _joins_owners(nodes[0], layers):
        return {name: (layers[name].held, False) for name in layer.inputs}
    requirements: dict[str, tuple[Held, bool]] = {}
    for node in nodes:
        reads = reading(node.op, held.channels)
        if reads is None:
            return None
        wanted = (held, False) if reads == "share" else (Held(held.batch), True)
        for name in node.inputs:
            if name in layer.nodes:
                if reads != "share":
                    return None
            elif (
                requirements.setdefault(name, wanted) != wanted
                or graph.layers[name].output.channels % wanted[0].channels
            ):
                return None
    return requirements


def _joins_owners(node: Node, layers: Mapping[str, PlacedLayer]) -> bool:
    """Whether a node is a concatenation of inputs that are each owned by a place. Each place's share of the result is
    then its own input."""
    return isinstance(node.op, Concat) and all(layers[name].held.owner is not None for name in node.inputs)


def _scores_transfer(graph: Graph, arrangement: Arrangement, layers: Mapping[str, PlacedLayer]) -> Transfer | None:
    """Return the transfer of the class scores to the cross-entropy that is the loss of a spec without a loss."""
    if graph.losses:
        return None
    name = graph.nodes[graph.scores.name].layer
    held = layers[name].held
    wanted = held if held.owner is not None else Held(batch=arrangement.replicas)
    return _transfer(graph, name, TRAINING_LOSS, held, wanted, partial=False)
