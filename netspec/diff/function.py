"""Decide whether two networks compute the same with the same weights, and if not, which layers are responsible.

"The same" is certain: every core with its weights, every edge and the prepared input correspond. "Different" is not
proved: there may be no image for which the results differ.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from netspec.diff.model import Effect, gravest
from netspec.diff.normal_form import JOIN, Core, Edge, NormalForm, Step

Identity = tuple[Hashable, ...]
PairIndices = Mapping[str, int]
"""The index of the pair that a layer belongs to, by the layer's name in one of the networks."""


@dataclass(frozen=True, slots=True)
class Blame:
    """The gravest effect that each layer of one network is responsible for, for two kinds of reasons.

    ``chains``: in the other network, other functions are applied to a value that the layer applies functions to, or the
    value's reader has no counterpart. ``sources``: the layer makes, passes on or reads a value that has another source
    there, or passes through other functions on the way.
    """

    chains: dict[str, Effect] = field(default_factory=dict)
    sources: dict[str, Effect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the comparison: the blame in both networks, the paired layers whose own operations or weights
    differ (``cores``), and the effect on the networks as a whole: ``function``, ``output`` or ``nothing``."""

    blame: tuple[Blame, Blame]
    cores: frozenset[tuple[str, str]]
    whole: Effect


def greatest_effect(layer: str, form: NormalForm) -> Effect:
    """Return the gravest effect that a change of a layer's operation can have, from what is computed from it."""
    if layer in form.for_scores:
        return "function"
    if layer in form.for_output:
        return "output"
    return "training" if layer in form.for_losses else "nothing"


def judge(a: NormalForm, b: NormalForm, pairs: Mapping[str, str]) -> Verdict:
    """Compare two networks. ``pairs`` maps layers of the first to those of the second."""
    blame = Blame(), Blame()
    pair_indices = {x: n for n, x in enumerate(pairs)}, {y: n for n, y in enumerate(pairs.values())}
    whole: list[Effect] = [greatest_effect(x, a) for x in a.cores if x not in pairs and a.cores[x]]
    whole += [greatest_effect(y, b) for y in b.cores if y not in pair_indices[1] and b.cores[y]]
    differing_cores = set()
    for x, y in pairs.items():
        if _only_joins(a.cores[x], b.cores[y]):
            continue
        effect = gravest(greatest_effect(x, a), greatest_effect(y, b))
        cores = [_without_edges(core, pair_indices[0]) for core in a.cores[x]]
        if cores != [_without_edges(core, pair_indices[1]) for core in b.cores[y]]:
            differing_cores.add((x, y))
            whole.append(effect)
    for reading in _readings(a, b, pairs):
        whole.append(_compare(reading, pair_indices, blame))
    effect = gravest(*whole)
    return Verdict(blame, frozenset(differing_cores), effect if effect in ("function", "output") else "nothing")


def _only_joins(cores: Sequence[Core], others: Sequence[Core]) -> bool:
    """Whether the only core of two paired layers is a concatenation. In the network without it, only concatenations
    read that layer, and have its values; what the other one's readers read is compared there."""
    return bool(cores) != bool(others) and [core.signature for core in (*cores, *others)] == [JOIN]


def _without_edges(core: Core, pair_indices: PairIndices) -> Identity:
    """A core without its edges. The owner of its weights is given by the index of its pair."""
    return core.signature, tuple((pair_indices.get(owner, owner), name) for owner, name in core.weights), core.ordered


@dataclass(frozen=True, slots=True)
class _Reading:
    """What corresponding readers read in both networks, and the gravest effect that a difference there can have.
    ``readers`` are their layers in both, as far as there are any."""

    readers: tuple[str | None, str | None]
    edges: tuple[tuple[Edge, ...], tuple[Edge, ...]]
    effect: Effect
    ordered: bool = True


def _readings(a: NormalForm, b: NormalForm, pairs: Mapping[str, str]) -> Iterator[_Reading]:
    for x, y in pairs.items():
        if _only_joins(a.cores[x], b.cores[y]):
            continue
        effect = gravest(greatest_effect(x, a), greatest_effect(y, b))
        for p, q in zip_longest(a.cores[x], b.cores[y]):
            edges = p.edges if p else (), q.edges if q else ()
            yield _Reading((x, y), edges, effect, all(core.ordered for core in (p, q) if core))
    for side, (form, paired) in enumerate(((a, pairs.keys()), (b, set(pairs.values())))):
        for layer in form.cores.keys() - paired:
            for core in form.cores[layer]:
                edges = (core.edges, ()) if side == 0 else ((), core.edges)
                yield _Reading((None, None), edges, greatest_effect(layer, form))
    yield _Reading((a.reader_of_scores, b.reader_of_scores), ((a.scores,), (b.scores,)), "function")
    yield _Reading((None, None), ((a.output,), (b.output,)), "output")


class _Sourced(NamedTuple):
    """An edge, and its source in a form that can be compared between the networks."""

    source: Identity
    edge: Edge

    def sort_key(self) -> tuple[str, str]:
        return str(self.source), str(_functions(self.edge.chain))

    def same_value(self, other: _Sourced) -> bool:
        """Whether both edges have the same source and the same functions outside training."""
        return self.source == other.source and _functions(self.edge.chain) == _functions(other.edge.chain)


def _compare(reading: _Reading, pair_indices: tuple[PairIndices, PairIndices], blame: tuple[Blame, Blame]) -> Effect:
    """Record the blame for the differences between what two readers read, and return the gravest effect."""
    edges = [[_Sourced(_source(e, n), e) for e in edges] for edges, n in zip(reading.edges, pair_indices, strict=True)]
    if not reading.ordered:
        edges = [sorted(side, key=_Sourced.sort_key) for side in edges]
    effects: list[Effect] = []
    for left, right in zip_longest(*edges):
        if left is None or right is None or not left.same_value(right):
            effect, chain_differs = reading.effect, True
        elif _functions(left.edge.training_chain) != _functions(right.edge.training_chain):
            effect, chain_differs = _at_most_training(reading.effect), False
        else:
            continue
        effects.append(effect)
        for side, sourced in enumerate((left, right)):
            edge = sourced.edge if sourced else None
            _record(blame[side].sources, _involved(edge, reading.readers[side]), effect)
            if edge and chain_differs:
                _record(blame[side].chains, (step.layer for step in edge.chain), effect)
            if edge:
                _record(blame[side].chains, (step.layer for step in edge.training_chain), _at_most_training(effect))
    return gravest(*effects)


def _at_most_training(effect: Effect) -> Effect:
    return "training" if effect in ("function", "output") else effect


def _source(edge: Edge, pair_indices: PairIndices) -> Identity:
    layer, core = edge.source
    return pair_indices.get(layer, layer), core


def _functions(chain: tuple[Step, ...]) -> tuple[Identity, ...]:
    return tuple(step.function for step in chain)


def _involved(edge: Edge | None, reader: str | None) -> Iterator[str]:
    """Yield the layers involved in where a value comes from: its reader, its source, and those it passes through."""
    if reader is not None:
        yield reader
    if edge is not None:
        yield edge.source[0]
        yield from edge.through


def _record(where: dict[str, Effect], layers: Iterable[str], effect: Effect) -> None:
    for layer in layers:
        where[layer] = gravest(effect, where.get(layer, "nothing"))
