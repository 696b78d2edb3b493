"""Two networks with their layers matched and their functions compared: the basis of the detailed comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netspec.diff.align import Alignment, Item, align
from netspec.diff.effects import Pair
from netspec.diff.facts import description, main_nodes
from netspec.diff.function import Verdict, greatest_effect, judge
from netspec.diff.model import Effect, gravest
from netspec.diff.normal_form import NormalForm, is_product, normal_form
from netspec.ir.graph import Graph, Layer
from netspec.net import Net


@dataclass(frozen=True)
class Matched:
    """Two networks and how they correspond.

    ``pairs`` maps names of the first network's layers to those of the second; ``moved`` are names of the first.
    ``layers_above`` maps each layer of a network to the layer above it in the file. ``by_gpu`` says that both have the
    same number of GPU groups, so that placements can be compared layer by layer.
    """

    nets: tuple[Net, Net]
    forms: tuple[NormalForm, NormalForm]
    pairs: dict[str, str]
    moved: frozenset[str]
    verdict: Verdict
    layers_above: tuple[dict[str, str | None], dict[str, str | None]]
    by_gpu: bool

    @property
    def graphs(self) -> tuple[Graph, Graph]:
        return self.nets[0].graph, self.nets[1].graph

    def pair(self, x: str, y: str) -> Pair:
        """A pair of layers with their graphs, as ``netspec.diff.effects`` takes them."""
        a, b = self.graphs
        return a, a.layers[x], b, b.layers[y]

    def layer(self, side: int, name: str) -> Layer:
        return self.graphs[side].layers[name]

    def greatest_effect(self, x: str | None, y: str | None) -> Effect:
        """The gravest effect that a difference of a layer can have."""
        names = enumerate((x, y))
        return gravest(*(greatest_effect(name, self.forms[side]) for side, name in names if name))

    def chain_effect(self, x: str | None, y: str | None) -> Effect:
        """The effect of differences in the functions that a layer applies to values."""
        blamed = zip(self.verdict.blame, (x, y), strict=True)
        return gravest(*(blame.chains.get(name, "nothing") for blame, name in blamed if name))

    def source_effect(self, x: str | None, y: str | None) -> Effect:
        """The effect of differences in where a layer's values come from or go to."""
        blamed = zip(self.verdict.blame, (x, y), strict=True)
        return gravest(*(blame.sources.get(name, "nothing") for blame, name in blamed if name))

    def computes(self, side: int, name: str) -> bool:
        """Whether a layer computes more than elementwise functions."""
        return bool(self.forms[side].cores[name])

    def above(self, side: int, name: str) -> str | None:
        """The layer above this one in the file, or ``None`` for the first."""
        return self.layers_above[side][name]

    def in_order(self) -> Iterator[tuple[str | None, str | None]]:
        """Yield every layer of both networks, in the order of the second, with removed layers where they were."""
        partners_of = {y: x for x, y in self.pairs.items()}
        remaining = iter(self.graphs[0].layers)
        for y in self.graphs[1].layers:
            x = partners_of.get(y)
            if x is not None and x not in self.moved:
                for removed in remaining:
                    if removed == x:
                        break
                    if removed not in self.pairs:
                        yield removed, None
            yield x, y
        for removed in remaining:
            if removed not in self.pairs:
                yield removed, None


def match(a: Net, b: Net) -> Matched:
    """Match the layers of two networks, and compare their functions."""
    items = _items(a), _items(b)
    alignment: Alignment = align(*items)
    pairs = {items[0][i].name: items[1][j].name for i, j in alignment.pairs}
    elsewhere = _written_elsewhere(pairs, items, (a.graph, b.graph))
    pairs |= elsewhere
    forms = normal_form(a.graph), normal_form(b.graph)
    moved = frozenset(items[0][i].name for i, _ in alignment.moved) | elsewhere.keys()
    layers_above = _layers_above(a.graph), _layers_above(b.graph)
    return Matched((a, b), forms, pairs, moved, judge(*forms, pairs), layers_above, a.graph.groups == b.graph.groups)


def _written_elsewhere(
    pairs: Mapping[str, str], items: tuple[Sequence[Item], Sequence[Item]], graphs: tuple[Graph, Graph]
) -> dict[str, str]:
    """Return pairs of renamed layers that stand in another order: with the same keys and shape, of the same values.

    A shortcut, for example, may stand before the branch that it is added to, or after it.
    """
    found: dict[str, str] = {}
    met = set(pairs.values())
    waiting: defaultdict[object, list[str]] = defaultdict(list)
    for item in items[1]:
        if item.name not in met and (inputs := graphs[1].layers[item.name].inputs):
            waiting[item.type, item.keys, item.shape, inputs].append(item.name)
    for item in items[0]:
        if item.name not in pairs:
            inputs = tuple(pairs.get(x) or found.get(x, "") for x in graphs[0].layers[item.name].inputs)
            partners = waiting[item.type, item.keys, item.shape, inputs]
            if partners:
                found[item.name] = partners.pop(0)
    return found


def _layers_above(graph: Graph) -> dict[str, str | None]:
    names = tuple(graph.layers)
    return dict(zip(names, (None, *names), strict=False))


def _items(net: Net) -> tuple[Item, ...]:
    graph = net.graph
    return tuple(
        Item(name, _type(graph, layer), description(graph, layer), net[name].parameters > 0, str(net[name].output))
        for name, layer in graph.layers.items()
    )


def _type(graph: Graph, layer: Layer) -> str:
    """The layer's type, or ``fc`` for a convolution that is a matrix product, as of a map of one pixel."""
    (node, *_) = main_nodes(graph, layer)
    return "fc" if layer.type == "conv" and is_product(node.op, graph.shapes(node)) else layer.type
