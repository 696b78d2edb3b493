"""How several processes of the program divide the network: which layers are split, and what the processes exchange.

`netspec.passes.placing` decides this; this module checks whether the program can implement its decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer, Parameter
from netspec.passes.phases import Phases, phases
from netspec.passes.placing import Placed, Transfer, arrange, place_on_devices


@dataclass(frozen=True, slots=True)
class Devices:
    """How several processes of the program train together.

    If ``placed`` is not ``None``, each of ``groups`` processes computes a share of the channels, and a multiple of
    that number also divides the batch. Otherwise all processes divide the batch.
    """

    groups: int
    placed: Placed | None

    @property
    def scores(self) -> Transfer | None:
        """The transfer of the class scores to the training loss of a spec without a loss layer."""
        return self.placed.scores if self.placed is not None else None

    @property
    def end_on_first(self) -> bool:
        """Whether only the first group computes the class scores and everything after them."""
        return self.placed is not None and any(self.on_first(name) for name in self.placed.layers)

    @property
    def replicated_in_row(self) -> tuple[Parameter, ...]:
        """The parameters that the processes of all groups hold whole and learn."""
        placed = self.placed
        return tuple(p for p in placed.graph.parameters.values() if placed.replicated_in_row(p)) if placed else ()

    def transfers(self, layer: str) -> Mapping[str, Transfer]:
        """Return the transfers needed before a layer is computed, by the layer whose value they transfer."""
        return self.placed.layers[layer].transfers if self.placed is not None else {}

    def split(self, layer: str) -> bool:
        """Whether each process computes a share of a layer's channels."""
        return self.placed is not None and self.placed.layers[layer].sharding.channels > 1

    def on_first(self, layer: str) -> bool:
        """Whether only the first group computes a layer."""
        return self.placed is not None and self.placed.layers[layer].sharding.owner is not None


def devices(graph: Graph) -> Devices:
    """Divide a graph by its GPU groups if the program can implement that, else divide only the batch."""
    if graph.groups > 1:
        placed = place_on_devices(graph, arrange(graph, graph.groups, "groups"))
        if _is_writable(graph, placed):
            return Devices(graph.groups, placed)
    return Devices(1, None)


def transfer_helper(transfer: Transfer) -> str | None:
    """Return the name of the helper function for a transfer, or ``None`` if there is none."""
    source, target = transfer.source, transfer.target
    if target.owner == 0 and source.channels > 1:
        return "to_first"
    if source.owner is not None or target.owner is not None:
        return None
    if source.channels > 1:
        return "from_all" if transfer.partial else "all_of"
    return "share_of" if target.channels > 1 else "for_all"


def _is_writable(graph: Graph, placed: Placed) -> bool:
    """Whether every transfer has a helper, and anything computed by one group alone is the end of the network.

    That group must be the first, whose process reports and writes weights. All processes run the same forward method,
    from which the others return early, so nothing may follow that part of the network or run beside it.
    """
    transfers = [t for layer in placed.layers.values() for t in layer.transfers.values()]
    if any(t.value == graph.input.layer or transfer_helper(t) is None for t in transfers):
        return False
    if not all(_holds_what_it_uses(graph, placed, layer) for layer in graph.layers.values()):
        return False
    parts = phases(graph)
    first_only = {name for name, layer in placed.layers.items() if layer.sharding.owner is not None}
    return _ends_on_first(placed, parts, first_only) if first_only else _scores_are_read_whole(placed, parts)


def _holds_what_it_uses(graph: Graph, placed: Placed, layer: Layer) -> bool:
    """Whether all parameters that a layer uses, its own or another's, are held by the processes that compute it."""
    used = (graph.parameters[key] for node in graph.nodes_of(layer) for key in node.params)
    return all(placed.sharding_of(parameter) == placed.layers[layer.name].sharding for parameter in used)


def _ends_on_first(placed: Placed, parts: Phases, first_only: set[str]) -> bool:
    """Whether exactly one value is sent to the first group, and only that group computes from there on."""
    trunk = [layer.name for layer in parts.trunk]
    first = next((i for i, name in enumerate(trunk) if name in first_only), len(trunk))
    rest = {*trunk[first:], *(layer.name for layer in (*parts.tail, *parts.losses))}
    sent = {t.value for name in first_only for t in placed.layers[name].transfers.values()}
    return (
        first < len(trunk)
        and rest == first_only
        and sent == set(placed.layers[trunk[first]].transfers)
        and len(sent) == len(parts.carried) == 1
        and not any(placed.layers[layer.name].transfers for layer in (*parts.tail, *parts.losses))
    )


def _scores_are_read_whole(placed: Placed, parts: Phases) -> bool:
    """Whether all layers after class scores that are gathered for the training loss read the gathered scores."""
    if placed.scores is None:
        return True
    readers = [layer for layer in parts.tail if placed.scores.value in layer.inputs]
    transfers = [placed.layers[layer.name].transfers.get(placed.scores.value) for layer in readers]
    return all(t is not None and transfer_helper(t) == "all_of" for t in transfers)
