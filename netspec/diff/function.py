"""Decide whether two networks compute the same with the same weights, and if not, which layers are responsible.

"The same" is certain: every core with its weights, every edge and the prepared input correspond. "Different" is not
proved: there may be no image for which the results differ.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from netspec.diff.meaning import Core, Edge, Meaning, Step
from netspec.diff.model import Effect, gravest

Known = tuple[Hashable, ...]
Numbers = Mapping[str, int]
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


def weight_of(layer: str, meaning: Meaning) -> Effect:
    """Return the gravest effect that a change of a layer's operation can have, from what is computed from it."""
    if layer in meaning.scored:
        return "function"
    if layer in meaning.shown:
        return "output"
    return "training" if layer in meaning.trained else "nothing"


def judge(a: Meaning, b: Meaning, pairs: Mapping[str, str]) -> Verdict:
    """Compare two networks. ``pairs`` maps layers of the first to those of the second."""
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
    """A core without its edges. The owner of its weights is given by the index of its pair."""
    return core.essence, tuple((numbers.get(owner, owner), name) for owner, name in core.weights), core.ordered


@dataclass(frozen=True, slots=True)
class _Reading:
    """What corresponding readers read in both networks, and the gravest effect that a difference there can have."""

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
    """Record the blame for the differences between what two readers read, and return the gravest effect."""
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
    """Yield the layers involved in where a value comes from: its reader, its source, and those it passes through."""
    if readers is not None:
        yield readers[side]
    if edge is not None:
        yield edge.source[0]
        yield from edge.through


def _put(where: dict[str, Effect], layers: Iterable[str], effect: Effect) -> None:
    for layer in layers:
        where[layer] = gravest(effect, where.get(layer, "nothing"))
