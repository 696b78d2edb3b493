"""Assign blocks to columns, each as far left as its inputs allow, and divide columns that are too wide into rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.draw.blocks import Block
from netspec.draw.towers import MAX_LINES, Link, links_of

REACH = 24
"""The longest line that is drawn, in columns. The eye cannot follow a longer one, so the reading block's label names
its source instead."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Each block's column, the lines that end at it, and the label lines that name those of its inputs that have no
    line. All three are indexed by block."""

    column: tuple[int, ...]
    links: tuple[tuple[Link, ...], ...]
    input_lines: tuple[tuple[str, ...], ...]


def wire(blocks: Sequence[Block], towers: int) -> Wiring:
    """Assign blocks to columns and find the lines between them.

    If there are several towers, a column holds either blocks inside towers or blocks that span all towers, never both.
    """
    column = _columns(blocks, towers)
    links: list[tuple[Link, ...]] = []
    input_lines: list[tuple[str, ...]] = []
    for number, block in enumerate(blocks):
        near = [r for r in block.reads if column[number] - column[r.block] <= REACH]
        drawn = near[:MAX_LINES]
        rest = [r for r in block.reads if r not in drawn]
        links.append(tuple(dict.fromkeys(link for r in drawn for link in links_of(number, r, blocks, towers))))
        input_lines.append(_input_lines([blocks[r.block].name for r in rest], also=bool(drawn)))
    return Wiring(column, tuple(links), tuple(input_lines))


def _columns(blocks: Sequence[Block], towers: int) -> tuple[int, ...]:
    depths: list[int] = []
    for block in blocks:
        depths.append(1 + max((depths[r.block] for r in block.reads), default=-1))
    keys = [
        (depth, towers > 1 and (block.placement.split or block.placement.gpu is not None))
        for depth, block in zip(depths, blocks, strict=True)
    ]
    order = {key: number for number, key in enumerate(sorted(set(keys)))}
    return tuple(order[key] for key in keys)


def _input_lines(names: Sequence[str], *, also: bool) -> tuple[str, ...]:
    if not names:
        return ()
    shown = names[:2] if len(names) > 3 else names
    rest = (f"and {len(names) - len(shown)} more",) if len(shown) < len(names) else ()
    return ("also reads" if also else "reads", *shown, *rest)


def split_into_rows(
    widths: Sequence[float], gaps: Sequence[float], cut: Sequence[int], rooms: Sequence[float]
) -> list[range]:
    """Divide columns into as few rows as possible, evenly filled and with few lines cut.

    ``rooms[c]`` are the pixels of a row that begins with column c, ``gaps[c]`` is the gap before column c, and
    ``cut[c]`` the number of lines that a break before column c would cut.
    This is solved by dynamic programming over the end of the last row.
    """
    total = len(widths)
    # For each end: the least (number of rows, cost) for the columns before it, and where the last row starts.
    best: list[tuple[int, float]] = [(0, 0.0)]
    start = [0]
    for end in range(1, total + 1):
        least: tuple[int, float] | None = None
        width = 0.0
        for begin in range(end - 1, -1, -1):
            width += widths[begin] + (gaps[begin + 1] if begin + 1 < end else 0.0)
            if width > max(rooms) and begin < end - 1:
                break
            if width > rooms[begin] and begin < end - 1:
                continue
            rows, cost = best[begin]
            spare = (rooms[begin] - width) / rooms[begin]
            candidate = (rows + 1, cost + spare * spare + (0.1 * max(0, cut[begin] - 1) if begin else 0.0))
            if least is None or candidate < least:
                least, least_begin = candidate, begin
        assert least is not None
        best.append(least)
        start.append(least_begin)
    ranges: list[range] = []
    end = total
    while end:
        ranges.append(range(start[end], end))
        end = start[end]
    return ranges[::-1]
