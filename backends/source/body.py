"""The lines of the forward pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from netspec.ir.graph import Graph, Layer, Node
from netspec.passes.label_grid import labels_of_losses
from netspec.passes.placing import Transfer

from .devices import Devices, transfer_helper
from .holders import Holders
from .names import Names
from .ops import EXPRESSIONS
from .site import Site

WIDTH = 110
"""The longest line, with its comment, in characters; longer layers get one line per operation."""


_TRANSFER_COMMENTS = {
    "from_all": "of all groups",
    "all_of": "of all groups",
    "to_first": "of all groups, on the first",
    "share_of": "of which each group takes its share",
    "for_all": "for all groups",
}
"""The comment on a value after a transfer, by the name of the transfer's helper function."""


class Writer:
    """Writes layers as lines of code, and collects the helper functions that they call.

    ``random_state`` and ``world`` name the model's attributes for the state of random draws and for the processes.
    """

    def __init__(self, graph: Graph, devices: Devices, holders: Holders, random_state: str, world: str) -> None:
        self.graph = graph
        self.helpers: dict[str, None] = {}
        self._devices = devices
        self._holders = holders
        self._random_state = f"self.{random_state}"
        self._world = f"self.{world}"
        self._grids = labels_of_losses(graph)
        self._names = Names()
        self._variables = {name: self._names.new(name) for name in graph.layers}

    def own_variable(self, layer: str) -> str:
        """Return the variable named after a layer."""
        return self._variables[layer]

    def labels(self, layer: str, of: str = "labels") -> str:
        """Return the expression for those of the labels in the variable ``of`` that a loss reads."""
        return f'{of}[LABELS_OF["{layer}"]]' if self._grids.get(layer) is not None else of

    def variable(self, layer: str, readers: Sequence[Layer], next_layer: Layer | None) -> str:
        """Return the variable of a layer's value: ``x`` if only the following layer reads it, else the layer's own."""
        return "x" if all(reader is next_layer for reader in readers) else self._variables[layer]

    def lines(
        self, layers: Sequence[Layer], earlier: Mapping[str, str], kept: Collection[str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the lines that compute some layers, and the variables of all values after them.

        ``earlier`` maps earlier layers to their variables. The values of ``kept`` must still be available at the end.
        """
        variables = {self.graph.input.layer: "image", **earlier}
        result: list[str] = []
        transferred: dict[tuple[str, str | None], str] = {}
        readers: dict[str, list[Layer]] = {layer.name: [] for layer in layers}
        for layer in layers:
            for name in readers.keys() & set(layer.inputs):
                readers[name].append(layer)
        for i, layer in enumerate(layers):
            next_layer = layers[i + 1] if i + 1 < len(layers) else None
            if layer.name in kept and next_layer:
                variable = self._variables[layer.name]
            else:
                variable = self.variable(layer.name, readers[layer.name], next_layer)
            inputs = {name: variables[name] for name in layer.inputs}
            for value, transfer in self._devices.transfers(layer.name).items():
                if value in earlier and self._devices.scores is not None:
                    continue  # the trunk has already gathered the scores
                key = value, transfer_helper(transfer)
                if key not in transferred:
                    transferred[key] = "x" if variables[value] == "x" else self._names.new(f"{value}_here")
                    result += self.transfer_lines(transfer, transferred[key], variables[value])
                inputs[value] = transferred[key]
            result += self._layer(layer, inputs, variable)
            variables[layer.name] = variable
        return result, variables

    def transfer_lines(self, transfer: Transfer, variable: str, source: str) -> list[str]:
        """Return the lines of a transfer between processes. Processes that receive nothing return after it."""
        name = transfer_helper(transfer)
        assert name is not None, "devices.py lets no other pass"
        self.helpers[name] = None
        shape = f"{self.graph.layers[transfer.value].output}, {_TRANSFER_COMMENTS[name]}"
        lines = [f"{variable} = {name}({source}, {self._world})  # {shape}"]
        if name == "to_first":
            lines += [
                f"if {self._world}.group != 0:",
                f"    return {variable}  # empty: only the first group computes the rest",
            ]
        return lines

    def _layer(self, layer: Layer, variables: Mapping[str, str], variable: str) -> list[str]:
        """Return a layer as one line if it fits, else as one line per operation."""
        nodes = self.graph.nodes_of(layer)
        expressions = dict(variables)
        for node in nodes:
            expressions[node.name] = self._expression(node, expressions)
        line = _line(variable, expressions[nodes[-1].name], nodes[-1])
        inputs = [name for node in nodes for name in node.inputs]
        if len(line) <= WIDTH and all(inputs.count(node.name) == 1 for node in nodes[:-1]):
            return [line]
        lines, expressions = [], dict(variables)
        for node in nodes:
            name = variable if node is nodes[-1] else self._names.new(node.name)
            lines.append(_line(name, self._expression(node, expressions), node))
            expressions[node.name] = name
        return lines

    def _expression(self, node: Node, values: Mapping[str, str]) -> str:
        site = Site(
            name=node.name,
            random_state=self._random_state,
            world=self._world,
            division=self._holders.division(node.layer, f"{self._world}.parts"),
            inputs=tuple(values[name] for name in node.inputs),
            params=tuple(self._holders.parameter(key) for key in node.params),
            names=tuple(self._holders.name(key) for key in node.params),
            module=self._holders.module(node),
            shapes=self.graph.shapes(node),
            helpers=self.helpers,
            train=self.graph.train,
            mixes=self.graph.augment.mixes,
            labels=self.labels(node.layer),
        )
        return EXPRESSIONS[type(node.op)](node.op, site)


def _line(variable: str, expression: str, node: Node) -> str:
    return f"{variable} = {expression}  # {node.output}"
