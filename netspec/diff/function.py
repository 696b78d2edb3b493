"""Whether two networks compute the same with the same weights, and which layers are to blame if they do not.

What is called the same is: every core with its weights, every edge and the prepared input correspond. Of what is
called different it is not shown that some image brings it out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from netspec.diff.meaning import Core, Edge, Meaning, Step
from netspec.diff.model import Effect, gravest

Known = tuple[Hashable, ...]
Numbers = Mapping[str, int]
"""Of the pair that a layer belongs to, by its name in one of the networks."""


@dataclass(frozen=True, slots=True)
class Blame:
    """What layers of one of the networks change, by layer and the gravest of it.

    ``chains``: the functions that a layer applies to a value that is read somewhere are other ones in the other
    network, or what reads it has no counterpart. ``sources``: a layer makes, passes on or reads a value that comes from
    elsewhere there, or is changed by other functions on the way.
    """

    chains: dict[str, Effect] = field(default_factory=dict)
    sources: dict[str, Effect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The blame in both networks, the paired layers whose own operations or weights differ, and all in all: that the
    networks' ``function`` differs, or only their ``output``, or neither."""

    blame: tuple[Blame, Blame]
    cores: frozenset[tuple[str, str]]
    whole: Effect


def weight_of(layer: str, meaning: Meaning) -> Effect:
    """The most that a layer's operation can change: what is computed from it."""
    if layer in meaning.scored:
        return "function"
    if layer in meaning.shown:
        return "output"
    return "training" if layer in meaning.trained else "nothing"


def judge(a: Meaning, b: Meaning, pairs: Mapping[str, str]) -> Verdict:
    """Compare two networks of which ``pairs`` says which layer is which."""
    blame = Blame(), Blame()
    numbers = {x: n for n, x in enumerate(pairs)}, {y: n for n, y in enumerate(pairs.values())}
    whole: list[Effect] = [weight_of(x, a) for x in a.cores if x not in pairs and a.cores[x]]
    whole += [weight_of(y, b) for y in b.cores if y not in numbers[1] and b.cores[y]]
    differing = set()
    for x, y in pairs.items():
        effect = gravest(weight_of(x, a), weight_of(y, b))
        if [_own(c, numbers[0]) for c in a.cores[x]] != [_own(c, numbers[1]) for c in b.cores[y]]:
            differing.add((x, y))
            whole.append(effect)
    for reading in _readings(a, b, pairs):
        whole.append(_compare(reading, numbers, blame))
    found = gravest(*whole)
    return Verdict(blame, frozenset(differing), found if found in ("function", "output") else "nothing")


def _own(core: Core, numbers: Numbers) -> Known:
    """A core without its edges, its weights told by the number of their owner."""
    return core.essence, tuple((numbers.get(owner, owner), name) for owner, name in core.weights), core.ordered


@dataclass(frozen=True, slots=True)
class _Reading:
    """What corresponding readers read in both networks, and the most that a difference there can change."""

    readers: tuple[str, str] | None
    edges: tuple[tuple[Edge, ...], tuple[Edge, ...]]
    effect: Effect
    ordered: bool = True


def _readings(a: Meaning, b: Meaning, pairs: Mapping[str, str]) -> Iterator[_Reading]:
    for x, y in pairs.items():
        effect = gravest(weight_of(x, a), weight_of(y, b))
        for p, q in zip_longest(a.cores[x], b.cores[y]):
            edges = p.edges if p else (), q.edges if q else ()
            yield _Reading((x, y), edges, effect, all(core.ordered for core in (p, q) if core))
    for side, (known, met) in enumerate(((a, pairs.keys()), (b, set(pairs.values())))):
        for layer in known.cores.keys() - met:
            for core in known.cores[layer]:
                edges = (core.edges, ()) if side == 0 else ((), core.edges)
                yield _Reading(None, edges, weight_of(layer, known))
    yield _Reading(None, ((a.scores,), (b.scores,)), "function")
    yield _Reading(None, ((a.output,), (b.output,)), "output")


def _compare(reading: _Reading, numbers: tuple[Numbers, Numbers], blame: tuple[Blame, Blame]) -> Effect:
    """Put the blame for what differs, and tell the gravest of it."""
    known = [[(_source(e, n), e) for e in edges] for edges, n in zip(reading.edges, numbers, strict=True)]
    if not reading.ordered:
        known = [sorted(found, key=lambda f: (str(f[0]), str(_functions(f[1].chain)))) for found in known]
    effects: list[Effect] = []
    for left, right in zip_longest(*known):
        if left is None or right is None or left[0] != right[0] or not _alike(left[1].chain, right[1].chain):
            effect, chained = reading.effect, True
        elif not _alike(left[1].trained, right[1].trained):
            effect, chained = _at_most_training(reading.effect), False
        else:
            continue
        effects.append(effect)
        for side, found in enumerate((left, right)):
            edge = found[1] if found else None
            _put(blame[side].sources, _concerned(edge, reading.readers, side), effect)
            if edge and chained:
                _put(blame[side].chains, (step.layer for step in edge.chain), effect)
            if edge:
                _put(blame[side].chains, (step.layer for step in edge.trained), _at_most_training(effect))
    return gravest(*effects)


def _at_most_training(effect: Effect) -> Effect:
    return "training" if effect in ("function", "output") else effect


def _source(edge: Edge, numbers: Numbers) -> Known:
    layer, core = edge.source
    return numbers.get(layer, layer), core


def _functions(chain: tuple[Step, ...]) -> tuple[Known, ...]:
    return tuple(step.function for step in chain)


def _alike(p: tuple[Step, ...], q: tuple[Step, ...]) -> bool:
    return _functions(p) == _functions(q)


def _concerned(edge: Edge | None, readers: tuple[str, str] | None, side: int) -> Iterator[str]:
    """The layers that have to do with where an edge comes from: its reader, its source and what it passes."""
    if readers is not None:
        yield readers[side]
    if edge is not None:
        yield edge.source[0]
        yield from edge.through


def _put(where: dict[str, Effect], layers: Iterable[str], effect: Effect) -> None:
    for layer in layers:
        where[layer] = gravest(effect, where.get(layer, "nothing"))
