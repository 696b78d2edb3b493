"""Placing a graph: the distribution of each layer's value over the devices, the transfers that this requires, and what
one column of devices computes of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netspec.ir.graph import Graph, Layer, Node, Parameter
from netspec.ir.ops import Concat, Linear
from netspec.passes.phases import phases
from netspec.passes.placing.arrangement import Arrangement
from netspec.passes.placing.shares import reading, share_of, share_of_sizes

TRAINING_LOSS = "loss"
"""The ``reader`` of the transfer of the class scores to the training loss, if the spec has no loss of its own."""


@dataclass(frozen=True, slots=True)
class Sharding:
    """How a value is divided into ``batch`` equal shares of its images, and ``channels`` of its channels (or features).

    A share is held by each device that computes with it. If there is an ``owner``, this column of the
    arrangement holds all channels, and the other columns hold nothing.
    """

    batch: int = 1
    channels: int = 1
    owner: int | None = None

    def __str__(self) -> str:
        images = f"1/{self.batch} of the batch" if self.batch > 1 else "the whole batch"
        if self.owner is not None:
            return f"{images}, on device {self.owner}" + (" of each row" if self.batch > 1 else "")
        return images + (f", 1/{self.channels} of the channels" if self.channels > 1 else "")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer of a value that one of its readers needs in a different distribution.

    If ``partial``, the reader's devices compute different things from the value, so the gradients that they send back
    are added up. Otherwise they all compute the same, and the gradient of one of them is enough.
    """

    value: str
    reader: str
    source: Sharding
    target: Sharding
    partial: bool


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """The distribution of a layer's value, and the transfers of its inputs by the names of the layers it reads."""

    sharding: Sharding
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

    def sharding_of(self, parameter: Parameter) -> Sharding:
        """Return the distribution of a parameter, which follows that of its layer's channels, or their owner.

        Each share of the batch has a replica of it, so its gradients are summed over the shares of the batch.
        """
        return self.layers[parameter.layer].sharding

    def replicated_in_row(self, parameter: Parameter) -> bool:
        """Whether all devices of a row hold the whole parameter and compute its gradient from the same numbers."""
        sharding = self.sharding_of(parameter)
        return self.arrangement.groups > 1 and sharding.owner is None and sharding.channels == 1

    def on(self, device: int, layer: str) -> bool:
        """Whether a device computes a layer."""
        owner = self.layers[layer].sharding.owner
        return owner is None or owner == self.arrangement.column(device)


def place_on_devices(graph: Graph, arrangement: Arrangement) -> Placed:
    """Place a graph on the devices of an arrangement."""
    layers: dict[str, PlacedLayer] = {}
    for layer in graph.layers.values():
        sharding = _sharding(graph, arrangement, layers, layer)
        requirements = _requirements(graph, layer, sharding, layers) or {}
        transfers = {}
        for name, (target, partial) in requirements.items():
            transfer = _transfer(graph, name, layer.name, layers[name].sharding, target, partial)
            if transfer is not None:
                transfers[name] = transfer
        layers[layer.name] = PlacedLayer(sharding, transfers)
    return Placed(graph, arrangement, layers, _scores_transfer(graph, arrangement, layers))


def _transfer(
    graph: Graph, value: str, reader: str, source: Sharding, target: Sharding, partial: bool
) -> Transfer | None:
    """Return the transfer that a reader needs, if any. Input images have no gradient, so they need no transfer merely
    to add up gradients."""
    if source == target and (not partial or value == graph.input.layer):
        return None
    return Transfer(value, reader, source, target, partial)


def _sharding(graph: Graph, arrangement: Arrangement, layers: Mapping[str, PlacedLayer], layer: Layer) -> Sharding:
    """Return the distribution of a layer's value."""
    by_batch = Sharding(batch=arrangement.replicas)
    if arrangement.devices == 1 or arrangement.split == "batch":
        return by_batch
    if arrangement.split == "hybrid":
        by_feature = Sharding(channels=arrangement.devices)
        owner = _owner_of_weights(graph, layer)
        if owner is not None:  # its devices hold the weights, or shares of them
            feature = layers[owner].sharding.channels > 1
        else:
            feature = _has_linear(graph, layer) or _follows_features(layer, layers)
        return by_feature if feature and _requirements(graph, layer, by_feature, layers) else by_batch
    parts = arrangement.groups
    if layer.placement.gpu is not None and parts > 1:
        return Sharding(arrangement.replicas, owner=layer.placement.gpu * parts // graph.groups)
    split = Sharding(arrangement.replicas, channels=parts)
    if layer.placement.split and parts > 1 and _requirements(graph, layer, split, layers):
        return split
    return by_batch


def _owner_of_weights(graph: Graph, layer: Layer) -> str | None:
    """Return the layer whose weights another one uses (``weights=``), ``None`` for one with weights of its own."""
    used = (graph.parameters[key].layer for node in graph.nodes_of(layer) for key in node.params)
    return next((owner for owner in used if owner != layer.name), None)


def _has_linear(graph: Graph, layer: Layer) -> bool:
    return any(isinstance(node.op, Linear) for node in graph.nodes_of(layer))


def _follows_features(layer: Layer, layers: Mapping[str, PlacedLayer]) -> bool:
    return bool(layer.inputs) and all(layers[name].sharding.channels > 1 for name in layer.inputs)


def _requirements(
    graph: Graph, layer: Layer, sharding: Sharding, layers: Mapping[str, PlacedLayer]
) -> dict[str, tuple[Sharding, bool]] | None:
    """Return for each input of a layer the distribution that the layer needs if its own value is distributed as
    ``sharding``, and whether its devices then compute different things from the input.

    ``None`` if the layer cannot be computed in this many shares.
    """
    if sharding.channels == 1:
        return {name: (Sharding(sharding.batch, owner=sharding.owner), False) for name in layer.inputs}
    if layer.output.channels % sharding.channels:
        return None
    nodes = graph.nodes_of(layer)
    if any(graph.parameters[key].constraint.parts > 1 for node in nodes for key in node.params):
        return None
    if _joins_own_shares(graph, nodes[0], layers, sharding.channels):
        return {name: (layers[name].sharding, False) for name in layer.inputs}
    requirements: dict[str, tuple[Sharding, bool]] = {}
    for node in nodes:
        reads = reading(node.op, sharding.channels)
        if reads is None:
            return None
        target = (sharding, False) if reads == "share" else (Sharding(sharding.batch), True)
        for name in node.inputs:
            if name in layer.nodes:
                if reads != "share":
                    return None
            elif (
                requirements.setdefault(name, target) != target
                or graph.layers[name].output.channels % target[0].channels
            ):
                return None
    return requirements


def _joins_own_shares(graph: Graph, node: Node, layers: Mapping[str, PlacedLayer], columns: int) -> bool:
    """Whether a node is a concatenation of inputs that are each owned by a column, in such an order and of such sizes
    that each column's share of the result is what it owns."""
    if not isinstance(node.op, Concat):
        return False
    share, start = node.output.channels // columns, 0
    for name in node.inputs:
        owner, end = layers[name].sharding.owner, start + graph.layers[name].output.channels
        if owner is None or start < owner * share or end > (owner + 1) * share:
            return False
        start = end
    return True


def _scores_transfer(graph: Graph, arrangement: Arrangement, layers: Mapping[str, PlacedLayer]) -> Transfer | None:
    """Return the transfer of the class scores to the cross-entropy that is the loss of a spec without a loss."""
    if graph.losses:
        return None
    name = graph.scores.layer
    source = layers[name].sharding
    target = source if source.owner is not None else Sharding(batch=arrangement.replicas)
    return _transfer(graph, name, TRAINING_LOSS, source, target, partial=False)


def local_graph(placed: Placed, layer: Layer, column: int) -> Graph:
    """Return a graph of one layer as a column computes it, preceded by the values that it reads as they arrive there.

    The graph's parameters are those that the layer uses, with the shapes of their shares. The column must be one that
    computes the layer (see ``Placed.on``).
    """
    graph, placed_layer = placed.graph, placed.layers[layer.name]
    parts = placed_layer.sharding.channels
    nodes: dict[str, Node] = {}
    layers: dict[str, Layer] = {}
    available = [name for name in layer.inputs if _has_value(placed, layer, name, column)]
    for name in available:
        transfer = placed_layer.transfers.get(name)
        distribution = placed.layers[name].sharding if transfer is None else transfer.target
        source, node = graph.layers[name], graph.nodes[name]
        shape = source.output.share(distribution.channels)
        nodes[name] = node._replace(output=shape)
        layers[name] = source._replace(output=shape)
    parameters_used = [graph.parameters[key] for node in graph.nodes_of(layer) for key in node.params]
    parameters = {
        p.key: p._replace(shape=share_of_sizes(p.shape, p.axis, placed.sharding_of(p).channels))
        for p in parameters_used
    }
    for node in graph.nodes_of(layer):
        nodes[node.name] = node._replace(
            op=share_of(node.op, parts),
            inputs=tuple(x for x in node.inputs if x in nodes),
            output=node.output.share(parts),
        )
    layers[layer.name] = layer._replace(inputs=tuple(available), output=layer.output.share(parts))
    return replace(graph, nodes=nodes, layers=layers, parameters=parameters)


def _has_value(placed: Placed, layer: Layer, value: str, column: int) -> bool:
    """Whether a column has a value when it computes a layer. It lacks values that another column owns, unless they are
    transferred."""
    if value in placed.layers[layer.name].transfers:
        return True
    owner = placed.layers[value].sharding.owner
    return owner is None or owner == column
