"""Which layer of one network is which layer of the other.

1. Layers of one name and one type are one layer, wherever they stand.
2. Between those of them that stand in the same order, what is left is matched in order by type, and rather with a layer
   of the same keys: these were renamed.
3. A name that is left in both, of another type in each, was replaced.

What remains was added or removed. Paired layers that do not stand in one order with the others have moved: those
without weights rather than those with, and as few as can be. The answer does not depend on which network is first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_CELLS = 1_000_000
"""Of the table in which a stretch of layers without partners is matched. Where it would be larger, only those at its
beginning count as renamed that have the same keys one by one."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """A layer as it is matched: ``keys`` is all that it says of itself, ``heavy`` that it has weights."""

    name: str
    type: str
    keys: str
    heavy: bool


@dataclass(frozen=True, slots=True)
class Alignment:
    """``pairs`` are numbers of layers in both networks, in the order of the first; ``moved`` are among them."""

    pairs: tuple[tuple[int, int], ...]
    moved: frozenset[tuple[int, int]]

    def mirrored(self) -> Alignment:
        return Alignment(tuple(sorted((j, i) for i, j in self.pairs)), frozenset((j, i) for i, j in self.moved))


def align(a: Sequence[Item], b: Sequence[Item]) -> Alignment:
    """Match the layers of two networks."""
    if tuple(b) < tuple(a):
        return align(b, a).mirrored()
    places = {item.name: j for j, item in enumerate(b)}
    pairs = [
        (i, places[item.name])
        for i, item in enumerate(a)
        if item.name in places and item.type == b[places[item.name]].type
    ]
    for stretch in list(_stretches(pairs, a, b)):
        pairs += _renamed(stretch[0], stretch[1], a, b)
    taken, met = {i for i, _ in pairs}, {j for _, j in pairs}
    pairs += [
        (i, places[item.name])
        for i, item in enumerate(a)
        if i not in taken and item.name in places and places[item.name] not in met
    ]
    pairs.sort()
    return Alignment(tuple(pairs), frozenset(pairs) - frozenset(_in_order(pairs, a)))


def _stretches(
    pairs: Sequence[tuple[int, int]], a: Sequence[Item], b: Sequence[Item]
) -> Iterator[tuple[list[int], list[int]]]:
    """The layers of both networks that have no partner yet, between partners that stand in the same order."""
    taken, met = {i for i, _ in pairs}, {j for _, j in pairs}
    start, begin = 0, 0
    for i, j in [*_in_order(pairs, a), (len(a), len(b))]:
        left = [n for n in range(start, i) if n not in taken]
        right = [n for n in range(begin, j) if n not in met]
        if left and right:
            yield left, right
        start, begin = i + 1, j + 1


def _in_order(pairs: Sequence[tuple[int, int]], a: Sequence[Item]) -> list[tuple[int, int]]:
    """The heaviest of the runs of pairs that rise in both networks: those that have not moved.

    ``pairs`` rise in the first. Weighted longest increasing subsequence, n log n: ``ends`` are the second numbers at
    which the best runs end, ``best`` their weights, both rising.
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
    """The best match in order: three for a layer of the same keys, two for one of the same type."""

    def worth(i: int, j: int) -> int:
        return 0 if a[i].type != b[j].type else 3 if a[i].keys == b[j].keys else 2

    alike = [worth(i, j) == 3 for i, j in zip(left, right, strict=False)]
    start = alike.index(False) if False in alike else len(alike)
    yield from zip(left[:start], right[:start], strict=True)
    left, right = left[start:], right[start:]
    if len(left) * len(right) > MOST_CELLS:
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
