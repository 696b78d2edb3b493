"""Blocks in columns: each as far left as what it reads allows; and where a figure that is too wide goes on below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.draw.blocks import Block
from netspec.draw.towers import MOST_LINES, Link, links_of

REACH = 24
"""Columns. A line that would lead further is told in words at its end: nobody follows it with the eye."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """``column`` of each block, the lines that are drawn, by the block that they end at, and in words for each block
    what else it reads."""

    column: tuple[int, ...]
    links: tuple[tuple[Link, ...], ...]
    told: tuple[tuple[str, ...], ...]


def wire(blocks: Sequence[Block], towers: int) -> Wiring:
    """Lay blocks into columns and find the lines between them.

    Where there are towers, a column holds what stands in them or what spans them, never both.
    """
    column = _columns(blocks, towers)
    links: list[tuple[Link, ...]] = []
    told: list[tuple[str, ...]] = []
    for number, block in enumerate(blocks):
        near = [r for r in block.reads if column[number] - column[r.block] <= REACH]
        drawn = near[:MOST_LINES]
        rest = [r for r in block.reads if r not in drawn]
        links.append(tuple(dict.fromkeys(link for r in drawn for link in links_of(number, r, blocks, towers))))
        told.append(_told([blocks[r.block].name for r in rest], bool(drawn)))
    return Wiring(column, tuple(links), tuple(told))


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


def _told(names: Sequence[str], also: bool) -> tuple[str, ...]:
    if not names:
        return ()
    shown = names[:2] if len(names) > 3 else names
    rest = (f"and {len(names) - len(shown)} more",) if len(shown) < len(names) else ()
    return ("also reads" if also else "reads", *shown, *rest)


def breaks(widths: Sequence[float], gaps: Sequence[float], cut: Sequence[int], room: float) -> list[range]:
    """Divide columns into as few rows as fit the room, evenly filled, and cut where few lines lead on.

    ``gaps[c]`` stands before column c, ``cut[c]`` is how many lines a break before column c would cut.
    """
    total = len(widths)
    best: list[tuple[int, float]] = [(0, 0.0)]
    start = [0]
    for end in range(1, total + 1):
        found: tuple[int, float] | None = None
        width = 0.0
        for begin in range(end - 1, -1, -1):
            width += widths[begin] + (gaps[begin + 1] if begin + 1 < end else 0.0)
            if width > room and begin < end - 1:
                break
            rows, cost = best[begin]
            spare = (room - width) / room
            candidate = (rows + 1, cost + spare * spare + (0.1 * max(0, cut[begin] - 1) if begin else 0.0))
            if found is None or candidate < found:
                found, origin = candidate, begin
        assert found is not None
        best.append(found)
        start.append(origin)
    rows_found: list[range] = []
    end = total
    while end:
        rows_found.append(range(start[end], end))
        end = start[end]
    return rows_found[::-1]
