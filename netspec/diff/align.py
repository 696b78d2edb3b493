"""Match the layers of two networks.

1. Layers with the same name and type are paired, wherever they are. A layer without weights whose shape differs is only
   paired if more layers with weights find a partner in this way: two networks may each have another ``pool1``.
2. In the stretches between pairs that are in the same order, the remaining layers are paired in order by type,
   preferably with the same keys or the same shape. These were renamed.
3. Remaining layers with the same name but different types are paired. These were replaced.

All other layers were added or removed, or renamed and written elsewhere (``netspec.diff.matched``). Paired layers that
are not in the same order as the others have moved. As few layers as possible count as moved, preferably those without
weights. The result does not depend on which network comes first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_CELLS = 1_000_000
"""The largest table for matching a stretch of unpaired layers. In longer stretches, only layers at the beginning that
have the same keys one by one count as renamed."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """What is known of a layer for matching.

    ``type`` is what it is paired by, ``keys`` is its description, ``heavy`` says whether it has parameters, and
    ``shape`` is that of its output.
    """

    name: str
    type: str
    keys: str
    heavy: bool
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pairs of layers by their indices in both networks, in the order of the first. ``moved`` are some of the pairs."""

    pairs: tuple[tuple[int, int], ...]
    moved: frozenset[tuple[int, int]]

    def mirrored(self) -> Alignment:
        return Alignment(tuple(sorted((j, i) for i, j in self.pairs)), frozenset((j, i) for i, j in self.moved))


def align(a: Sequence[Item], b: Sequence[Item]) -> Alignment:
    """Match the layers of two networks."""
    if tuple(b) < tuple(a):
        return align(b, a).mirrored()
    places = {item.name: j for j, item in enumerate(b)}
    named = [
        (i, places[item.name])
        for i, item in enumerate(a)
        if item.name in places and item.type == b[places[item.name]].type
    ]
    pairs = _with_renamed(named, a, b)
    certain = [(i, j) for i, j in named if a[i].heavy or a[i].shape == b[j].shape]
    if len(certain) < len(named):
        pairs = max(pairs, _with_renamed(certain, a, b), key=lambda found: sum(a[i].heavy for i, _ in found))
    taken, met = {i for i, _ in pairs}, {j for _, j in pairs}
    pairs += [
        (i, places[item.name])
        for i, item in enumerate(a)
        if i not in taken and item.name in places and places[item.name] not in met
    ]
    pairs.sort()
    return Alignment(tuple(pairs), frozenset(pairs) - frozenset(_in_order(pairs, a)))


def _with_renamed(pairs: Sequence[tuple[int, int]], a: Sequence[Item], b: Sequence[Item]) -> list[tuple[int, int]]:
    """Return the pairs, and those of renamed layers in the stretches between them."""
    return [*pairs, *(pair for left, right in _stretches(pairs, a, b) for pair in _renamed(left, right, a, b))]


def _stretches(
    pairs: Sequence[tuple[int, int]], a: Sequence[Item], b: Sequence[Item]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the unpaired layers of both networks between consecutive pairs that are in the same order."""
    taken, met = {i for i, _ in pairs}, {j for _, j in pairs}
    start, begin = 0, 0
    for i, j in [*_in_order(pairs, a), (len(a), len(b))]:
        left = [n for n in range(start, i) if n not in taken]
        right = [n for n in range(begin, j) if n not in met]
        if left and right:
            yield left, right
        start, begin = i + 1, j + 1


def _in_order(pairs: Sequence[tuple[int, int]], a: Sequence[Item]) -> list[tuple[int, int]]:
    """Return the pairs that have not moved: the heaviest subsequence that increases in both networks.

    ``pairs`` increase in the first network. This is a weighted longest increasing subsequence in O(n log n): ``ends``
    are the second indices at which the best subsequences end and ``best`` their weights, both increasing.
    """
    ends: list[int] = []
    best: list[tuple[int, int]] = []
    runs: list[int] = []
    before: list[int | None] = []
    for number, (i, j) in enumerate(pairs):
        place = bisect_left(ends, j)
        heavy, many = best[place - 1] if place else (0, 0)
        before.append(runs[place - 1] if place else None)
        weight = (heavy + a[i].heavy, many + 1)
        last = place
        while last < len(ends) and best[last] <= weight:
            last += 1
        ends[place:last], best[place:last], runs[place:last] = [j], [weight], [number]
    chain: list[tuple[int, int]] = []
    at = runs[-1] if runs else None
    while at is not None:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _renamed(
    left: Sequence[int], right: Sequence[int], a: Sequence[Item], b: Sequence[Item]
) -> Iterator[tuple[int, int]]:
    """Pair layers of the same type in order for the highest score: one a pair, three for keys, two for the shape."""

    def worth(i: int, j: int) -> int:
        return 0 if a[i].type != b[j].type else 1 + 3 * (a[i].keys == b[j].keys) + 2 * (a[i].shape == b[j].shape)

    alike = [(a[i].type, a[i].keys) == (b[j].type, b[j].keys) for i, j in zip(left, right, strict=False)]
    start = alike.index(False) if False in alike else len(alike)
    yield from zip(left[:start], right[:start], strict=True)
    left, right = left[start:], right[start:]
    if len(left) * len(right) > MAX_CELLS:
        return
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for m in range(len(left) - 1, -1, -1):
        for n in range(len(right) - 1, -1, -1):
            gain = worth(left[m], right[n])
            match = gain + table[m + 1][n + 1] if gain else 0
            table[m][n] = max(match, table[m + 1][n], table[m][n + 1])
    m = n = 0
    while m < len(left) and n < len(right):
        gain = worth(left[m], right[n])
        if gain and table[m][n] == gain + table[m + 1][n + 1]:
            yield left[m], right[n]
            m, n = m + 1, n + 1
        elif table[m][n] == table[m + 1][n]:
            m += 1
        else:
            n += 1
