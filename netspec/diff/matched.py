"""Two networks whose layers have been matched and whose functions have been judged: what the comparison works with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.diff.align import Alignment, Item, align
from netspec.diff.effects import Pair
from netspec.diff.facts import description
from netspec.diff.function import Verdict, judge, weight_of
from netspec.diff.meaning import Meaning, meaning
from netspec.diff.model import Effect, gravest
from netspec.ir.graph import Graph, Layer
from netspec.net import Net


@dataclass(frozen=True)
class Matched:
    """``pairs`` are the names in the second network of the first one's layers; ``moved`` are names of the first.
    ``tops`` are the layers that stand above each. ``by_gpu`` says that both have as many GPU groups, so that placements
    can be compared layer by layer."""

    nets: tuple[Net, Net]
    meanings: tuple[Meaning, Meaning]
    pairs: dict[str, str]
    moved: frozenset[str]
    verdict: Verdict
    tops: tuple[dict[str, str | None], dict[str, str | None]]
    by_gpu: bool

    @property
    def graphs(self) -> tuple[Graph, Graph]:
        return self.nets[0].graph, self.nets[1].graph

    def pair(self, x: str, y: str) -> Pair:
        """A layer as the operations' comparison takes it."""
        a, b = self.graphs
        return a, a.layers[x], b, b.layers[y]

    def layer(self, side: int, name: str) -> Layer:
        return self.graphs[side].layers[name]

    def weight(self, x: str | None, y: str | None) -> Effect:
        """The most that a difference of a layer can change."""
        names = enumerate((x, y))
        return gravest(*(weight_of(name, self.meanings[side]) for side, name in names if name))

    def chains(self, x: str | None, y: str | None) -> Effect:
        """What the functions that a layer applies to its values change."""
        blamed = zip(self.verdict.blame, (x, y), strict=True)
        return gravest(*(blame.chains.get(name, "nothing") for blame, name in blamed if name))

    def sources(self, x: str | None, y: str | None) -> Effect:
        """What it changes that a layer's values come from elsewhere, or go elsewhere."""
        blamed = zip(self.verdict.blame, (x, y), strict=True)
        return gravest(*(blame.sources.get(name, "nothing") for blame, name in blamed if name))

    def computes(self, side: int, name: str) -> bool:
        """Whether a layer has an operation of its own, and not only functions of single numbers."""
        return bool(self.meanings[side].cores[name])

    def above(self, side: int, name: str) -> str | None:
        """The layer that stands before this one in its file."""
        return self.tops[side][name]

    def in_order(self) -> Iterator[tuple[str | None, str | None]]:
        """Every layer of both, in the second network's order; one that was removed, where it stood."""
        partners = {y: x for x, y in self.pairs.items()}
        waiting = iter(self.graphs[0].layers)
        for y in self.graphs[1].layers:
            x = partners.get(y)
            if x is not None and x not in self.moved:
                for passed in waiting:
                    if passed == x:
                        break
                    if passed not in self.pairs:
                        yield passed, None
            yield x, y
        for passed in waiting:
            if passed not in self.pairs:
                yield passed, None


def match(a: Net, b: Net) -> Matched:
    """Match the layers of two networks, and judge their functions."""
    items = _items(a), _items(b)
    alignment: Alignment = align(*items)
    pairs = {items[0][i].name: items[1][j].name for i, j in alignment.pairs}
    meanings = meaning(a.graph), meaning(b.graph)
    moved = frozenset(items[0][i].name for i, _ in alignment.moved)
    tops = _tops(a.graph), _tops(b.graph)
    return Matched((a, b), meanings, pairs, moved, judge(*meanings, pairs), tops, a.graph.groups == b.graph.groups)


def _tops(graph: Graph) -> dict[str, str | None]:
    names = tuple(graph.layers)
    return dict(zip(names, (None, *names), strict=False))


def _items(net: Net) -> tuple[Item, ...]:
    graph = net.graph
    return tuple(
        Item(name, layer.type, description(graph, layer), net[name].parameters > 0)
        for name, layer in graph.layers.items()
    )
