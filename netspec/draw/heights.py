"""Choose the vertical position of each item of a row: lines as straight as possible, branches even about their trunk.

Each tower is laid out separately, which gives towers with the same layers the same layout. Items that span all towers
are centred on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netspec.draw.rows import Item, Row, Segment
from netspec.draw.towers import Tower

BAND_HEAD, BAND_FOOT, BAND_GAP = 22.0, 8.0, 16.0
"""Pixels for a tower's name at the top of its band, below its boxes, and between two bands."""

_SPACE = 12.0
_SWEEPS = 30
_SKIP, _STRAIGHT, _FIXED = 1e-3, 8.0, 1e3
"""Weights in least squares, relative to an ordinary box: of a skip line (it yields, and the trunk stays straight), of
the pull between items on one straight line, and of an item that should not move any more."""


@dataclass(frozen=True, slots=True)
class Heights:
    """The y of each item's centre line, and each tower's number with the top and bottom of its band."""

    y: tuple[float, ...]
    bands: tuple[tuple[int, float, float], ...]


def heights_of(row: Row) -> Heights:
    """Place the items of a row. The y axis points down, and the top of the row is y = 0."""
    columns = _ordered(row)
    members: defaultdict[Tower, set[int]] = defaultdict(set)
    for number, item in enumerate(row.items):
        members[item.tower].add(number)
    y: dict[int, float] = {}
    bands: list[tuple[int, float, float]] = []
    middles: list[float] = []
    top = 0.0  # of the current tower's band
    for tower in sorted(t for t in members if t is not None):
        local_y = _solve(row, columns, members[tower])
        shift = top + BAND_HEAD - min(local_y[i] - row.items[i].above for i in local_y)
        y |= {i: shift + value for i, value in local_y.items()}
        bottom = max(y[i] + row.items[i].below for i in local_y) + BAND_FOOT
        bands.append((tower, top, bottom))
        middles.append(_middle(row.items, local_y) + shift)
        top = bottom + BAND_GAP
    if members[None]:
        local_y = _solve(row, columns, members[None])
        shift = sum(middles) / len(middles) - _middle(row.items, local_y) if middles else 0.0
        y |= {i: value + shift for i, value in local_y.items()}
    if bands:
        for column in columns:
            if len({row.items[i].tower is None for i in column}) > 1:
                _clear_spanning_boxes(row.items, column, y)
    highest = min([y[i] - item.above for i, item in enumerate(row.items)] + [top for _, top, _ in bands])
    return Heights(
        tuple(y[i] - highest for i in range(len(row.items))),
        tuple((tower, top - highest, bottom - highest) for tower, top, bottom in bands),
    )


def _middle(items: Sequence[Item], local_y: Mapping[int, float]) -> float:
    """Return the mean height of the boxes, or of the lines if there are no boxes."""
    boxes = [value for i, value in local_y.items() if items[i].where == "box"] or list(local_y.values())
    return sum(boxes) / len(boxes)


def _ordered(row: Row) -> list[tuple[int, ...]]:
    """Sort each column's items from top to bottom by the mean rank of their sources, then in file order."""
    sources: defaultdict[int, list[int]] = defaultdict(list)
    for segment in row.segments:
        sources[segment.target].append(segment.source)
    rank: dict[int, float] = {}

    def key(i: int) -> tuple[float, int, int]:
        item = row.items[i]
        tower = -1 if item.tower is None else item.tower
        before = [rank[s] for s in sources[i] if row.items[s].tower == item.tower]
        return sum(before) / len(before) if before else 0.5, item.block, tower

    ordered = []
    for column in row.columns:
        by_key = sorted(column, key=key)
        rank |= {i: (place + 0.5) / len(by_key) for place, i in enumerate(by_key)}
        ordered.append(tuple(by_key))
    return ordered


def _solve(row: Row, columns: Sequence[Sequence[int]], members: set[int]) -> dict[int, float]:
    """Return the heights of one tower's items, or of the items that span all towers.

    First, each item is repeatedly moved to the mean of its neighbours, sweeping over the columns in both directions.
    Then, from left to right, items that continue a straight line are put on it. Last, the skip lines are straightened.
    """
    segments = [s for s in row.segments if s.source in members and s.target in members]
    own_columns = [column for column in ([i for i in c if i in members] for c in columns) if column]
    straight = _straight_sources(row.items, segments)
    lane = _Lane(row.items, own_columns, segments, straight, dict.fromkeys(members, 0.0))
    lane.move_to_neighbours()
    lane.straighten()
    skips = {i for i in members if row.items[i].skip}
    if skips:
        lane.move_to_neighbours(skips)
        lane.level_skips()
    return lane.y


def _straight_sources(items: Sequence[Item], segments: Sequence[Segment]) -> dict[int, int]:
    """Map each item that continues a straight line to its source on that line.

    The source must have no other target and the item no other source. Skip lines are not counted beside other items: a
    trunk with a skip connection around it is still one straight line.
    """
    outs: defaultdict[int, set[int]] = defaultdict(set)
    ins: defaultdict[int, set[int]] = defaultdict(set)
    for s in segments:
        outs[s.source].add(s.target)
        ins[s.target].add(s.source)

    def is_only(item: int, neighbours: set[int]) -> bool:
        return ({i for i in neighbours if not items[i].skip} or neighbours) == {item}

    straight = {}
    for s in segments:
        both_skip = items[s.source].skip and items[s.target].skip
        if both_skip or (is_only(s.target, outs[s.source]) and is_only(s.source, ins[s.target])):
            straight[s.target] = s.source
    return straight


@dataclass(frozen=True, slots=True)
class _Lane:
    """One tower's items, or those that span all towers, while their heights ``y`` are chosen. ``straight`` maps items
    to their sources; see ``_straight_sources``."""

    items: Sequence[Item]
    columns: Sequence[Sequence[int]]
    segments: Sequence[Segment]
    straight: Mapping[int, int]
    y: dict[int, float]

    def move_to_neighbours(self, moving: Collection[int] = ()) -> None:
        """Move items towards the mean of their neighbours; if ``moving`` is given, only those items."""
        items, y = self.items, self.y
        neighbours: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for s in self.segments:
            pull = 1.0 if items[s.source].skip == items[s.target].skip else _SKIP
            pull *= _STRAIGHT if self.straight.get(s.target) == s.source else 1.0
            neighbours[s.target].append((s.source, pull))
            neighbours[s.source].append((s.target, pull))
        for _ in range(_SWEEPS):
            for column in (*self.columns, *self.columns[::-1]):
                wanted = [y[i] if moving and i not in moving else _mean(neighbours[i], y, y[i]) for i in column]
                if moving:
                    weights = [_SKIP if i in moving else _FIXED for i in column]
                else:
                    weights = [_SKIP if items[i].skip else 1.0 for i in column]
                _settle(items, column, wanted, weights, y)

    def straighten(self) -> None:
        """Put each item that continues a straight line on it; move every other item as far as its sources were
        moved."""
        y, straight = self.y, self.straight
        sources: defaultdict[int, list[int]] = defaultdict(list)
        for s in self.segments:
            sources[s.target].append(s.source)
        before = dict(y)
        for column in self.columns:
            wanted, weights = [], []
            for i in column:
                shifts = {j: y[j] - before[j] for j in sources[i]}
                shifted = before[i] + _mean([(j, 1.0) for j in sources[i]], shifts, 0.0)
                wanted.append(y[straight[i]] if i in straight else shifted)
                on_line, otherwise = (10 * _SKIP, _SKIP) if self.items[i].skip else (_FIXED, 1.0)
                weights.append(on_line if i in straight else otherwise)
            _settle(self.items, column, wanted, weights, y)

    def level_skips(self) -> None:
        """Make each skip line level, at the height of its point that is farthest from the trunk."""
        items, y = self.items, self.y
        # The first item of each skip line identifies it.
        line_of: dict[int, int] = {}
        for i in (i for column in self.columns for i in column if items[i].skip):
            line_of[i] = line_of.get(self.straight.get(i, i), i)
        trunk = [y[i] for i in y if not items[i].skip]
        middle = sum(trunk) / len(trunk) if trunk else 0.0
        farthest: dict[int, float] = {}
        for i, line in line_of.items():
            farthest[line] = max(farthest.get(line, y[i]), y[i], key=lambda value: abs(value - middle))
        for column in self.columns:
            wanted = [farthest[line_of[i]] if i in line_of else y[i] for i in column]
            weights = [_SKIP if i in line_of else _FIXED for i in column]
            _settle(items, column, wanted, weights, y)


def _settle(
    items: Sequence[Item], column: Sequence[int], wanted: Sequence[float], weights: Sequence[float], y: dict[int, float]
) -> None:
    """Put the items of a column, in this order from the top, as near to the wanted heights as their sizes allow."""
    distances = [
        items[a].below + items[b].above + (_SPACE if "box" in (items[a].where, items[b].where) else 0.0)
        for a, b in pairwise(column)
    ]
    y |= dict(zip(column, separate(wanted, weights, distances), strict=True))


def _mean(neighbours: Iterable[tuple[int, float]], y: Mapping[int, float], default: float) -> float:
    """Return the weighted mean of the neighbours' heights, or ``default`` if there are no neighbours."""
    total = weight = 0.0
    for j, w in neighbours:
        total += w * y[j]
        weight += w
    return total / weight if weight else default


def _clear_spanning_boxes(items: Sequence[Item], column: Sequence[int], y: dict[int, float]) -> None:
    """Move the towers' lines out of the way of boxes that span the towers."""
    order = sorted(column, key=lambda i: (y[i], items[i].where == "box"))
    weights = [1.0 if items[i].where == "box" else _SKIP for i in order]
    _settle(items, order, [y[i] for i in order], weights, y)


def separate(wanted: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Return the heights closest to the wanted ones (weighted least squares) that keep the minimum distances.

    ``distances[i]`` is the least distance between items i and i + 1. After subtracting the distances this is isotonic
    regression, solved by the pool adjacent violators algorithm: Barlow et al., Statistical inference under order
    restrictions (1972).

    >>> separate([0.0, 0.0], [1.0, 1.0], [10.0])
    [-5.0, 5.0]
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, float, int]] = []
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        value, size = target - offset, 1
        while pools and pools[-1][0] > value:
            other_value, other_weight, other_size = pools.pop()
            value = (value * weight + other_value * other_weight) / (weight + other_weight)
            weight, size = weight + other_weight, size + other_size
        pools.append((value, weight, size))
    values = [value for value, _, size in pools for _ in range(size)]
    return [value + offset for value, offset in zip(values, offsets, strict=True)]
